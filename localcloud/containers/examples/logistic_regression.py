"""An example of your own container: it serves a logistic regression that was trained with scikit-learn.

This is a complete inference container in one file, without a framework. The same file runs on SageMaker as the
ENTRYPOINT of an image. The entry in `containers.example.toml` runs it here for `.../logistic-regression-example:1`.

The model archive contains `model.json`, which holds as much as a pickle would and runs no code when it is read:

    json.dumps({"coefficients": model.coef_[0].tolist(), "intercept": model.intercept_[0]})

It takes CSV lines of features and answers with the probability of the second class, one line for each record.
"""

from __future__ import annotations

import json
import math
import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

HOST = "127.0.0.1" if "SAGEMAKER_BIND_TO_PORT" in os.environ else ""
PORT = int(os.environ.get("SAGEMAKER_BIND_TO_PORT", "8080"))
MODEL = Path(os.environ.get("SM_MODEL_DIR", "/opt/ml/model"), "model.json")


class LogisticRegression:
    def __init__(self, coefficients: list[float], intercept: float) -> None:
        self.coefficients = coefficients
        self.intercept = intercept

    def probability(self, line: str) -> float:
        features = [float(field) for field in line.split(",")]
        if len(features) != len(self.coefficients):
            raise ValueError(f"{len(features)} columns, the model takes {len(self.coefficients)}")
        score = self.intercept + sum(c * x for c, x in zip(self.coefficients, features, strict=True))
        return 1 / (1 + math.exp(-score)) if score > 0 else math.exp(score) / (1 + math.exp(score))


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    model: LogisticRegression

    def do_GET(self) -> None:
        self._answer(200 if self.path == "/ping" else 404)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        if self.headers.get("Content-Type") != "text/csv":
            self._answer(415, "this model reads text/csv")
            return
        try:
            probabilities = [self.model.probability(line) for line in body.splitlines()]
        except ValueError as error:
            self._answer(400, str(error))
        else:
            self._answer(200, "".join(f"{probability}\n" for probability in probabilities))

    def _answer(self, status: int, text: str = "") -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/csv")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main() -> None:
    if sys.argv[1:] != ["serve"]:
        sys.exit("usage: logistic_regression.py serve")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    Handler.model = LogisticRegression(**json.loads(MODEL.read_text()))
    ThreadingHTTPServer((HOST, PORT), Handler).serve_forever()


if __name__ == "__main__":
    main()
