"""The XGBoost container: its settings, its routes, the order in which it refuses a request, and its entry point."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from localcloud.containers.xgboost import answers, log, media
from localcloud.containers.xgboost.model import Model, ModelError, load
from localcloud.containers.xgboost.payload import PayloadError, parse
from localcloud.containers.xgboost.wire import Answer, Request
from localcloud.containers.xgboost.workers import Server

_FORMS: Final = ("application/x-www-form-urlencoded", "multipart/form-data")


@dataclass(frozen=True)
class Settings:
    """The settings that the container reads from its environment, with the image's names and defaults.

    Args:
        port: where it listens, on 127.0.0.1.
        model_dir: the folder of the model.
        cpus: how many processors the instance has.
        max_content_length: the most bytes of a request's body.
        batch: whether it serves a transform job, so that each prediction is a line.
        ensemble: whether all models of the folder are used, and not only the first.
        default_accept: the type of answers to requests that accept any.
        selected: the keys of selectable inference; None if it is off.
    """

    port: int = 8080
    model_dir: Path = Path("/opt/ml/model")
    cpus: int = 1
    max_content_length: int = 6 * 2**20
    batch: bool = False
    ensemble: bool = True
    default_accept: str = "text/csv"
    selected: tuple[str, ...] | None = None

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Self:
        selected = environment.get("SAGEMAKER_INFERENCE_OUTPUT")
        return cls(
            port=int(environment.get("SAGEMAKER_BIND_TO_PORT", cls.port)),
            model_dir=Path(environment.get("SM_MODEL_DIR", cls.model_dir)),
            cpus=int(environment.get("SM_NUM_CPUS", cls.cpus)),
            max_content_length=int(environment.get("MAX_CONTENT_LENGTH", cls.max_content_length)),
            batch=bool(environment.get("SAGEMAKER_BATCH")),  # any text counts, as in the image
            ensemble=environment.get("SAGEMAKER_INFERENCE_ENSEMBLE", "true") == "true",
            default_accept=environment.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", cls.default_accept),
            selected=None if selected is None else tuple(selected.replace(" ", "").lower().split(",")),
        )


@dataclass(frozen=True)
class App:
    """Answers requests as the image does."""

    settings: Settings
    model: Model

    def __call__(self, request: Request) -> Answer:
        match request.method, request.path:
            case "GET" | "HEAD", "/ping":
                return Answer(200)
            case "GET", "/execution-parameters":
                return self._execution_parameters()
            case "POST", "/invocations":
                return self._invoke(request)
            case _, "/ping" | "/execution-parameters" | "/invocations":
                return Answer(405)
            case _:
                return Answer(404, b"{}", "application/octet-stream")

    def _execution_parameters(self) -> Answer:
        parameters = {
            "MaxConcurrentTransforms": self.settings.cpus,
            "BatchStrategy": "MULTI_RECORD",
            "MaxPayloadInMB": self.settings.max_content_length // 2**20,
        }
        return Answer(200, json.dumps(parameters).encode(), media.JSON)

    def _invoke(self, request: Request) -> Answer:
        content_type = request.headers.get("content-type")
        if request.body_too_large:
            return _page(413, "Request Entity Too Large", _TOO_LARGE)
        if not request.body or media.parse_header(content_type or "")[0].lower() in _FORMS:
            return Answer(204)  # the image's framework parses a form, and leaves no body
        try:
            payload = parse(request.body, content_type)
        except (PayloadError, media.UnsupportedType) as error:
            return _refused(415, str(error))
        try:
            predictions = self.model.predict(payload)
        except Exception as error:  # noqa: BLE001  whatever the library has against it, as in the image
            return _refused(400, f"Unable to evaluate payload provided: {error}")
        try:
            accept = media.answer_type(request.headers.get("accept"), self.settings.default_accept)
        except media.UnsupportedType as error:
            return _refused(406, str(error))
        return self._encode(predictions, accept)

    def _encode(self, predictions: npt.NDArray[np.float32], accept: str) -> Answer:
        try:
            if self.settings.selected is not None:
                return answers.selected(
                    predictions, self.settings.selected, self.model, accept, batch=self.settings.batch
                )
            encoded = (
                answers.batch_text(predictions) if self.settings.batch else answers.realtime_text(predictions, accept)
            )
        except (answers.NoEncoder, TypeError):
            return _page(500, "Internal Server Error", _BROKEN)
        return Answer(200, encoded, f"{accept}; charset=utf-8" if accept.startswith("text/") else accept)


def _refused(status: int, text: str) -> Answer:
    log.error(text)
    return Answer(status, text.encode())


_TOO_LARGE: Final = "The data value transmitted exceeds the capacity limit."
_BROKEN: Final = (
    "The server encountered an internal error and was unable to complete your request. "
    "Either the server is overloaded or there is an error in the application."
)
_DOCTYPE: Final = '<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 3.2 Final//EN">'


def _page(status: int, name: str, text: str) -> Answer:
    """An error page of the image's web framework."""
    page = f"{_DOCTYPE}\n<title>{status} {name}</title>\n<h1>{name}</h1>\n<p>{text}</p>\n"
    return Answer(status, page.encode(), "text/html")


def main() -> None:
    """Serve the model of `SM_MODEL_DIR`; exits with status 1 if it cannot be loaded."""
    # To ask whether its data are a Series, xgboost imports pandas at the first prediction: half a second in each worker.
    sys.modules["pandas"] = None  # pyright: ignore[reportArgumentType]  the documented way to forbid an import
    settings = Settings.read(os.environ)
    try:
        model = load(settings.model_dir, ensemble=settings.ensemble)
    except ModelError as error:
        log.error(f"Unable to load model: {error}")
        sys.exit(1)
    server = Server(
        App(settings, model),
        port=settings.port,
        workers=min(settings.cpus, os.cpu_count() or 1),
        body_limit=settings.max_content_length,
    )
    log.info(f"Model objective : {model.objective}")
    server.run()


if __name__ == "__main__":
    main()
