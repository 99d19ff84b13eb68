"""A stand-in for SageMaker's XGBoost image 3.0-5 in algorithm mode: the same answers to the same requests.

`server` is the entry point, `workers` the processes, `wire` HTTP, `app` settings and routes; a request's body goes through
`payload` (content types), with `numbers` and `recordio` reading it, through `model`, and becomes text in `answers`.
"""
