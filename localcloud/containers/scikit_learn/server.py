"""The program of the scikit-learn container: it loads a user's script and serves it, in the image's own Python.

It follows SageMaker's scikit-learn container (its `serving` module) and the toolkit under it, sagemaker-containers
2.8.6; their answers to the same requests were compared with this program's. The toolkit itself is not used: the registry
has it only as source code that needs a C compiler, Python 3.10 and newer cannot import it without a patch, and its
successor, sagemaker-inference, starts a server written in Java, which the image uses for multi-model endpoints only.

A model is whatever the user's `model_fn` returns. It may run any code (a pickle does so while it is loaded), but only in
this process. As in the image, each worker loads the model itself and answers one request at a time.

This file needs only the standard library and numpy, and runs in Python 3.7 and newer.
"""

from __future__ import annotations

import csv
import importlib
import io
import json
import logging
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
import types
import venv
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Callable, NamedTuple

import numpy as np

CSV = "text/csv"
JSON = "application/json"
NPY = "application/x-npy"
_TEXTS = (JSON, CSV)
_MODEL_FOLDER = "/opt/ml/model"  # the model's folder in the image; here it is SM_MODEL_DIR
_INSTALLED = "_REQUIREMENTS_INSTALLED"
_LOAD_FAILED = 3
_BACKLOG = 512
_DOCTYPE = '<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 3.2 Final//EN">\n'
_BROKEN = (
    "The server encountered an internal error and was unable to complete your request. "
    "Either the server is overloaded or there is an error in the application."
)
_LOG = logging.getLogger("sagemaker-scikit-learn")


class ScriptError(Exception):
    """The user's script is wrong, or is not where the environment says it is."""


class UnsupportedFormat(Exception):  # noqa: N818  named as in the toolkit
    """There is no default way to read or write this content type."""

    def __init__(self, content_type: str) -> None:
        super().__init__(
            f"Content type {content_type} is not supported by this framework. Implement input_fn to deserialize "
            "the request data or output_fn to serialize the response."
        )


class Answer(NamedTuple):
    status: int
    body: bytes
    content_type: str


class Settings(NamedTuple):
    port: int
    model_folder: Path
    code: Path
    module: str
    workers: int
    timeout_seconds: int
    default_accept: str


def read_settings(environment: dict[str, str]) -> Settings:
    """Read the variables that the toolkit reads, with its defaults.

    Raises:
        ScriptError: the environment does not name a script, or names one that does not exist.
    """
    model_folder = Path(environment.get("SM_MODEL_DIR", _MODEL_FOLDER))
    program = environment.get("SAGEMAKER_PROGRAM", "")
    if not program:
        raise ScriptError("SAGEMAKER_PROGRAM is not set: set it in the model's environment, usually to inference.py")
    code = _code_folder(environment.get("SAGEMAKER_SUBMIT_DIRECTORY", ""), model_folder)
    if not (code / program).exists():
        raise ScriptError(f"SAGEMAKER_PROGRAM names {program}, which the archive does not have in {code.name}/")
    return Settings(
        port=int(environment.get("SAGEMAKER_BIND_TO_PORT", "8080")),
        model_folder=model_folder,
        code=code,
        module=re.sub(r"\.py$", "", program),
        workers=int(environment.get("SAGEMAKER_MODEL_SERVER_WORKERS", environment.get("SM_NUM_CPUS", "1"))),
        timeout_seconds=int(environment.get("SAGEMAKER_MODEL_SERVER_TIMEOUT", "60")),
        default_accept=environment.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", JSON),
    )


def _code_folder(submitted: str, model_folder: Path) -> Path:
    usual = f"pack the script into the archive's folder code/ and set it to {_MODEL_FOLDER}/code"
    if not submitted:
        raise ScriptError(f"SAGEMAKER_SUBMIT_DIRECTORY is not set, so the image would find no script: {usual}")
    if "://" in submitted:
        raise ScriptError(f"SAGEMAKER_SUBMIT_DIRECTORY is {submitted}; the local container fetches nothing: {usual}")
    inside = submitted == _MODEL_FOLDER or submitted.startswith(f"{_MODEL_FOLDER}/")
    folder = model_folder / submitted[len(_MODEL_FOLDER) :].lstrip("/") if inside else Path(submitted)
    if not folder.is_dir():
        raise ScriptError(f"SAGEMAKER_SUBMIT_DIRECTORY is {submitted}, which the archive does not have: {usual}")
    return folder


def decode(content: Any, content_type: str) -> Any:
    """Read a body as an array, as the toolkit does by default.

    Raises:
        UnsupportedFormat: the toolkit does not read this content type.
    """
    if content_type == CSV:
        rows = list(csv.reader(io.StringIO(content), strict=True))
        if len({len(row) for row in rows}) > 1:
            raise ValueError("the lines have different numbers of fields")
        # One line or one column becomes one-dimensional, which scikit-learn refuses. The image does the same.
        return np.array(rows).squeeze().astype(float)
    if content_type == JSON:
        return np.array(json.loads(content))
    if content_type == NPY:
        return np.load(io.BytesIO(content), allow_pickle=False)
    raise UnsupportedFormat(content_type)


def encode(prediction: Any, accept: str) -> Any:
    """Write a prediction as the toolkit does by default.

    Raises:
        UnsupportedFormat: the toolkit does not write this content type.
    """
    if accept == CSV:
        array = np.array(prediction)
        text = io.StringIO()
        csv.writer(text, lineterminator="\n", strict=True).writerows(array.reshape(-1, 1) if array.ndim == 1 else array)
        return text.getvalue()
    if accept == JSON:
        return json.dumps(prediction, default=lambda value: value.tolist())
    if accept == NPY:
        buffer = io.BytesIO()
        np.save(buffer, prediction)
        return buffer.getvalue()
    raise UnsupportedFormat(accept)


def default_model_fn(_model_dir: str) -> Any:
    raise NotImplementedError("Please provide a model_fn implementation: the script has to define model_fn(model_dir)")


def default_input_fn(input_data: Any, content_type: str) -> Any:
    array = decode(input_data, content_type)
    return array.astype(np.float32) if content_type in _TEXTS else array


def default_predict_fn(input_data: Any, model: Any) -> Any:
    return model.predict(input_data)


def default_output_fn(prediction: Any, accept: str) -> tuple[Any, str]:
    return encode(prediction, accept), accept


class Script:
    """A user's functions and their model.

    Raises:
        Exception: any exception of the script while it is imported or loads its model.
    """

    def __init__(self, settings: Settings) -> None:
        sys.path.insert(0, str(settings.code))
        module = importlib.import_module(settings.module)
        self._transform: Callable[..., Any] = _transform_fn(module)
        self.execution_parameters: Any = getattr(module, "execution_parameters_fn", None)
        self._model = getattr(module, "model_fn", default_model_fn)(str(settings.model_folder))
        self._default_accept = settings.default_accept
        self._timeout_seconds = settings.timeout_seconds
        self._one_at_a_time = threading.Lock()

    def invoke(self, content_type: str, accept: str, body: bytes) -> Answer:
        content = body.decode("utf-8", "replace") if content_type in _TEXTS else body
        accept = self._default_accept if accept in {"", "*/*"} else accept
        with self._one_at_a_time:
            signal.setitimer(signal.ITIMER_REAL, self._timeout_seconds)  # the signal ends the worker, as in the image
            try:
                return answer(self._transform(self._model, content, content_type, accept))
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)


def _transform_fn(module: types.ModuleType) -> Callable[..., Any]:
    whole = getattr(module, "transform_fn", None)
    read, predict, write = (getattr(module, name, None) for name in ("input_fn", "predict_fn", "output_fn"))
    if whole is not None and (read or predict or write):
        raise ScriptError("Cannot use transform_fn implementation with input_fn, predict_fn, and/or output_fn")
    if whole is not None:
        return whole

    def transform(model: Any, content: Any, content_type: str, accept: str) -> Any:
        prediction = (predict or default_predict_fn)((read or default_input_fn)(content, content_type), model)
        return (write or default_output_fn)(prediction, accept)

    return transform


def answer(result: Any) -> Answer:
    """The answer for the result of a user's function: a body, or a body and its content type."""
    body, content_type = result if isinstance(result, tuple) else (result, "text/html")
    if isinstance(body, str):
        body = body.encode()
    if not isinstance(body, (bytes, bytearray)):
        raise TypeError(f"the function returned {type(body).__name__}, not text or bytes, with or without a type")
    charset = "; charset=utf-8" if content_type.startswith("text/") and ";" not in content_type else ""
    return Answer(HTTPStatus.OK, bytes(body), content_type + charset)


def _page(status: HTTPStatus, text: str = "") -> Answer:
    page = f"{_DOCTYPE}<title>{status.value} {status.phrase}</title>\n<h1>{status.phrase}</h1>\n"
    return Answer(status.value, f"{page}<p>{text or status.description}</p>\n".encode(), "text/html; charset=utf-8")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one piece
    disable_nagle_algorithm = True
    script: Script

    def do_GET(self) -> None:
        self._route({"/ping": self._ping, "/execution-parameters": self._execution_parameters})

    def do_POST(self) -> None:
        self._route({"/invocations": self._invoke})

    def _route(self, routes: dict[str, Callable[[bytes], Answer]]) -> None:
        body = self._read_body()
        path = self.path.partition("?")[0]
        if path in routes:
            found = routes[path](body)
        else:
            known = path in {"/ping", "/invocations"}
            found = _page(HTTPStatus.METHOD_NOT_ALLOWED if known else HTTPStatus.NOT_FOUND)
        self._write(found)

    def _ping(self, _body: bytes) -> Answer:
        return Answer(HTTPStatus.OK, b"", JSON)

    def _execution_parameters(self, _body: bytes) -> Answer:
        function = self.script.execution_parameters
        return _page(HTTPStatus.NOT_FOUND) if function is None else self._guarded(lambda: answer(function()))

    def _invoke(self, body: bytes) -> Answer:
        content_type = self.headers.get("ContentType") or self.headers.get("Content-Type") or JSON
        return self._guarded(lambda: self.script.invoke(content_type, self.headers.get("Accept", ""), body))

    def _guarded(self, ask: Callable[[], Answer]) -> Answer:
        try:
            return ask()
        except Exception:  # noqa: BLE001  whatever the script raises is a 500 in the image
            _LOG.error("Exception on %s [%s]\n%s", self.path, self.command, traceback.format_exc())
            return _page(HTTPStatus.INTERNAL_SERVER_ERROR, _BROKEN)

    def _read_body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", "").lower():
            return self.rfile.read(int(self.headers.get("Content-Length", "0")))
        body = bytearray()
        while True:
            size = int(self.rfile.readline().partition(b";")[0], 16)
            body += self.rfile.read(size)
            ended = not self.rfile.readline().strip() and size == 0
            if ended:
                return bytes(body)

    def _write(self, found: Answer) -> None:
        if self.path != "/ping":
            clock = time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime())
            agent = self.headers.get("User-Agent", "-")
            sent = f"{found.status} {len(found.body)}"  # logged first: the answer may end the container
            print(f'{self.client_address[0]} - - [{clock}] "{self.requestline}" {sent} "-" "{agent}"', flush=True)
        self.send_response(found.status)
        self.send_header("Content-Type", found.content_type)
        self.send_header("Content-Length", str(len(found.body)))
        self.end_headers()
        self.wfile.write(found.body)

    def log_request(self, code: Any = "-", size: Any = "-") -> None:
        """Log nothing: `_write` logs the request, in the form of the image's web server."""


class Worker(ThreadingHTTPServer):
    """One serving process; all of them share the listening socket."""

    daemon_threads = True

    def __init__(self, listener: socket.socket) -> None:
        super().__init__(listener.getsockname(), Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listener


def _work(settings: Settings, listener: socket.socket, ready: int) -> None:
    """Serve as a worker; never returns."""
    code = _LOAD_FAILED
    try:
        Handler.script = Script(settings)
        listener.listen(_BACKLOG)
        os.write(ready, b"r")
        os.close(ready)
        code = 1
        Worker(listener).serve_forever()
    except Exception as error:  # noqa: BLE001  whatever the script raised must be in the log
        traceback.print_exc()
        _LOG.error("The script %s.py cannot be served: %s: %s", settings.module, type(error).__name__, error)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _fork(settings: Settings, listener: socket.socket) -> int:
    """Start a worker; return its pid when it serves or has ended."""
    served, ready = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(served)
        _work(settings, listener, ready)
    os.close(ready)
    os.read(served, 1)
    os.close(served)
    return pid


def serve(settings: Settings) -> int:
    """Keep workers running until one cannot load its model; the first loads alone, so that an error is printed once."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", settings.port))
    workers = set()
    while True:
        workers.add(_fork(settings, listener))
        while workers:
            pid, status = os.waitpid(-1, 0 if len(workers) >= settings.workers else os.WNOHANG)
            if pid == 0:
                break
            workers.remove(pid)
            if os.WIFEXITED(status) and os.WEXITSTATUS(status) == _LOAD_FAILED:
                return 1
            timed_out = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGALRM
            why = f"TIMEOUT after {settings.timeout_seconds} s" if timed_out else f"ended with status {status}"
            _LOG.critical("WORKER %s (pid:%d); another takes its place", why, pid)


def install_requirements(code: Path) -> None:
    """Install the script's requirements before serving, as the image does, and start this program again with them.

    They are installed into an environment for this container alone, on top of the image's, which other containers share.
    """
    if _INSTALLED in os.environ or not (code / "requirements.txt").exists():
        return
    _LOG.info("Installing the packages of code/requirements.txt")
    folder = Path(os.environ["TMPDIR"], "environment")
    venv.EnvBuilder().create(str(folder))
    packages = next(folder.glob("lib/python*/site-packages"))
    (packages / "image.pth").write_text("\n".join(path for path in sys.path if path.endswith("site-packages")) + "\n")
    python = str(folder / "bin" / "python")
    pip = [python, "-m", "pip", "install", "--no-input", "--disable-pip-version-check", "--progress-bar=off"]
    subprocess.run([*pip, "-r", "requirements.txt"], check=True, cwd=str(code))
    os.environ[_INSTALLED] = "1"
    os.execv(python, [python, __file__, *sys.argv[1:]])  # noqa: S606  no shell is wanted


def main() -> int:
    logging.basicConfig(format="%(asctime)s %(levelname)s - %(name)s - %(message)s", level=logging.INFO)
    own = str(Path(__file__).resolve().parent)
    sys.path[:] = [path for path in sys.path if path != own]  # the script must not import our modules
    try:
        settings = read_settings(dict(os.environ))
        install_requirements(settings.code)
    except (ScriptError, subprocess.CalledProcessError) as error:
        _LOG.error("%s", error)
        return 1
    return serve(settings)


if __name__ == "__main__":
    sys.exit(main())
