"""Replaces SageMaker's XGBoost image 3.0-5 in algorithm mode: it gives the same answers to the same requests.

`server` has the entry point, the settings and the routes; `workers` are its processes, `wire` its HTTP, `log` its log lines.
`payload` reads the body of a request (`media` its type, `numbers` CSV, `recordio` RecordIO-protobuf), `model` predicts, and
`answers` writes the predictions.
"""
