"""The script-mode program over HTTP, in this Python; another test covers the image's environment.

The answers were recorded from SageMaker's own scikit-learn serving module on sagemaker-containers 2.8.6.post2, with the
same script and requests.
"""

from __future__ import annotations

import http.client
import importlib
import io
import json
import sys
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from localcloud.containers import Container, images, start
from localcloud.home import CHECKOUT
from tests.localcloud.containers.support import eventually, pack, wait_for_exit, wait_until_serving, wheel

ENVIRONMENT = {"SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code"}
SUM = """
class Sum:
    def predict(self, rows):
        if rows.ndim != 2:
            raise ValueError(f"Expected 2D array, got {rows.ndim}D array instead")
        return rows.sum(axis=1)

def model_fn(model_dir):
    return Sum()
"""
MODEL = "def model_fn(model_dir): return None\n"
ECHO = "def transform_fn(model, content, content_type, accept): return repr((content, content_type, accept)), accept\n"
BROKEN = b"<title>500 Internal Server Error</title>"


class Answer(NamedTuple):
    status: int
    content_type: str
    body: bytes


class Script:
    """A served script."""

    def __init__(self, container: Container, lines: list[bytes]) -> None:
        self.container = container
        self._lines = lines

    @property
    def log(self) -> str:
        return b"\n".join(self._lines).decode()

    def ask(self, method: str, path: str, body: Any = None, /, **headers: str) -> Answer:
        connection = http.client.HTTPConnection(self.container.url.removeprefix("http://"), timeout=60)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, named, encode_chunked=not isinstance(body, bytes | None))
        response = connection.getresponse()
        answer = Answer(response.status, response.headers["Content-Type"], response.read())
        connection.close()
        return answer

    def invoke(self, body: Any, content_type: str | None, accept: str | None) -> Answer:
        given = {"Content_Type": content_type, "Accept": accept}
        return self.ask("POST", "/invocations", body, **{name: one for name, one in given.items() if one is not None})


Serve = Callable[..., Script]


@contextmanager
def _serving(folder: Path) -> Generator[Serve]:
    """A function that starts a script in a container, which ends with the block."""
    program = [sys.executable, str(CHECKOUT / "localcloud/containers/scikit_learn/server.py")]
    file = folder / "containers.toml"
    file.write_text(f'[[container]]\nimage = "script"\ncommand = {json.dumps(program)}\n')

    def begin(script: str, more: Mapping[str, bytes] | None = None, *, wait: bool = True, **environment: str) -> Script:
        lines: list[bytes] = []
        model = pack(folder / "model.tar.gz", {"code/inference.py": script.encode(), **(more or {})})
        container = start("script", model, {**ENVIRONMENT, **environment}, vcpus=2, log=lines.append)
        containers.callback(container.stop)
        if wait:
            wait_until_serving(container)
        return Script(container, lines)

    with ExitStack() as containers, pytest.MonkeyPatch.context() as patch:
        patch.setattr(images, "FILE", file)
        yield begin


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    with _serving(tmp_path) as begin:
        yield begin


@pytest.fixture(scope="module")
def summing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Script]:
    """A script with a model_fn and the default functions."""
    with _serving(tmp_path_factory.mktemp("summing")) as begin:
        yield begin(SUM)


def _npy(array: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


_ROWS = b"1,2\n3,4\n"
_JSON = "application/json"
_NPY = "application/x-npy"


@pytest.mark.parametrize(
    ("body", "content_type", "accept", "answered_type", "answer"),
    [
        pytest.param(_ROWS, "text/csv", "text/csv", "text/csv; charset=utf-8", b"3.0\n7.0\n", id="CSV"),
        pytest.param(
            b"1,2\n3,4", "text/csv", "text/csv", "text/csv; charset=utf-8", b"3.0\n7.0\n", id="no last newline"
        ),
        pytest.param(b"1,2\r\n3,4\r\n", "text/csv", "text/csv", "text/csv; charset=utf-8", b"3.0\n7.0\n", id="CRLF"),
        pytest.param(b'"1","2"\n3,4\n', "text/csv", "text/csv", "text/csv; charset=utf-8", b"3.0\n7.0\n", id="quotes"),
        pytest.param(_ROWS, "text/csv", _JSON, _JSON, b"[3.0, 7.0]", id="CSV to JSON"),
        pytest.param(_ROWS, "text/csv", None, _JSON, b"[3.0, 7.0]", id="JSON is the default answer"),
        pytest.param(_ROWS, "text/csv", "*/*", _JSON, b"[3.0, 7.0]", id="and the answer where anything is accepted"),
        pytest.param(_ROWS, "text/csv", _NPY, _NPY, _npy(np.array([3, 7], dtype=np.float32)), id="CSV to NPY"),
        pytest.param(b"[[1,2],[3,4]]", _JSON, _JSON, _JSON, b"[3.0, 7.0]", id="JSON"),
        pytest.param(b"[[1,2],[3,4]]", None, None, _JSON, b"[3.0, 7.0]", id="JSON is the default body"),
        pytest.param(
            _npy(np.array([[1.5, 2], [3, 4]])),
            _NPY,
            "text/csv",
            "text/csv; charset=utf-8",
            b"3.5\n7.0\n",
            id="NPY of floats",
        ),
        pytest.param(_npy(np.array([[1, 2], [3, 4]])), _NPY, _JSON, _JSON, b"[3, 7]", id="NPY keeps integers"),
    ],
)
def test_answers_of_the_default_functions(
    summing: Script, body: bytes, content_type: str | None, accept: str | None, answered_type: str, answer: bytes
) -> None:
    assert summing.invoke(body, content_type, accept) == (200, answered_type, answer)


@pytest.mark.parametrize(
    ("body", "content_type", "accept", "said"),
    [
        pytest.param(b"1,2,3\n", "text/csv", "text/csv", "Expected 2D array, got 1D", id="a single line is 1D"),
        pytest.param(b"1\n2\n", "text/csv", "text/csv", "Expected 2D array, got 1D", id="and so is a single column"),
        pytest.param(_ROWS, "text/csv; charset=utf-8", "text/csv", "is not supported", id="a type with parameters"),
        pytest.param(b"a,b\n1,2\n", "text/csv", "text/csv", "could not convert string to float", id="text"),
        pytest.param(b"1,2\n1\n", "text/csv", "text/csv", "different numbers of fields", id="ragged"),
        pytest.param(b"1,\n1,2\n", "text/csv", "text/csv", "could not convert string to float", id="an empty field"),
        pytest.param(b"1,2\n\n3,4\n", "text/csv", "text/csv", "different numbers of fields", id="a blank line"),
        pytest.param(b'{"a":1}', _JSON, _JSON, "TypeError", id="a JSON object"),
        pytest.param(b"{", _JSON, _JSON, "JSONDecodeError", id="no JSON"),
        pytest.param(b"1,2\n3,4\n", "text/plain", "text/csv", "Content type text/plain is not", id="another type"),
        pytest.param(_ROWS, "text/csv", "text/plain", "Content type text/plain is not", id="another answer"),
        pytest.param(b"", "text/csv", "text/csv", "got 1D", id="no body"),
        pytest.param(b"\xff,1\n1,1\n", "text/csv", "text/csv", "could not convert string to float", id="not UTF-8"),
        pytest.param(
            _npy(np.array([{"a": 1}], dtype=object)), _NPY, _JSON, "allow_pickle=False", id="NPY with a pickle inside"
        ),
    ],
)
def test_a_request_that_the_default_functions_refuse_is_a_500_with_its_reason_in_the_log(
    summing: Script, body: bytes, content_type: str, accept: str, said: str
) -> None:
    before = len(summing.log)
    answer = summing.invoke(body, content_type, accept)
    assert (answer.status, answer.content_type) == (500, "text/html; charset=utf-8")
    assert BROKEN in answer.body
    eventually(lambda: said in summing.log[before:])


@pytest.mark.parametrize(
    ("method", "path", "status", "content_type"),
    [
        pytest.param("GET", "/ping", 200, "application/json", id="ping"),
        pytest.param("POST", "/ping", 405, "text/html; charset=utf-8", id="posted ping"),
        pytest.param("GET", "/invocations", 405, "text/html; charset=utf-8", id="invocations without a body"),
        pytest.param("GET", "/execution-parameters", 404, "text/html; charset=utf-8", id="no execution parameters"),
        pytest.param("GET", "/elsewhere", 404, "text/html; charset=utf-8", id="elsewhere"),
    ],
)
def test_routes(summing: Script, method: str, path: str, status: int, content_type: str) -> None:
    answer = summing.ask(method, path)
    assert (answer.status, answer.content_type) == (status, content_type)


def test_a_chunked_body_is_read(summing: Script) -> None:
    assert summing.invoke(iter([b"1,", b"2\n3,4\n"]), "text/csv", "text/csv").body == b"3.0\n7.0\n"


def test_each_function_of_the_script_replaces_its_default(serve: Serve) -> None:
    script = serve(
        "import helper\n"
        "def model_fn(model_dir): return open(model_dir + '/weight').read()\n"
        "def input_fn(content, content_type): return helper.read(content, content_type)\n"
        "def predict_fn(data, model): return data * int(model)\n"
        "def output_fn(prediction, accept): return str(prediction), 'text/plain'\n"
        "def execution_parameters_fn(): return '{\"MaxConcurrentTransforms\": 3}', 'application/json'\n",
        {"weight": b"4", "code/helper.py": b"def read(content, content_type): return len(content) + len(content_type)"},
    )
    assert script.invoke(b"abc", "x/y", None) == (200, "text/plain; charset=utf-8", b"24")
    parameters = script.ask("GET", "/execution-parameters")
    assert (parameters.status, json.loads(parameters.body)) == (200, {"MaxConcurrentTransforms": 3})


@pytest.mark.parametrize(
    ("content_type", "content"),
    [
        pytest.param("text/csv", "'\xe9'", id="text is decoded"),
        pytest.param("application/octet-stream", "b'\\xc3\\xa9'", id="another type is bytes"),
    ],
)
def test_a_transform_fn_gets_the_request_as_the_toolkit_gives_it(serve: Serve, content_type: str, content: str) -> None:
    script = serve(MODEL + ECHO)
    answer = script.invoke("\xe9".encode(), content_type, "text/x")
    assert answer.body.decode() == f"({content}, {content_type!r}, 'text/x')"


@pytest.mark.parametrize(
    ("script", "environment", "said"),
    [
        pytest.param("", {}, "Please provide a model_fn implementation", id="no model_fn"),
        pytest.param(
            MODEL + ECHO + "def predict_fn(data, model): return 1\n", {}, "Cannot use transform_fn", id="both ways"
        ),
        pytest.param("import nowhere", {}, "ModuleNotFoundError: No module named 'nowhere'", id="import"),
        pytest.param("def model_fn(model_dir): raise OSError('no weights')", {}, "OSError: no weights", id="model"),
        pytest.param(SUM, {"SAGEMAKER_PROGRAM": ""}, "SAGEMAKER_PROGRAM is not set", id="no program"),
        pytest.param(
            SUM, {"SAGEMAKER_PROGRAM": "x.py"}, "names x.py, which the archive does not", id="no such program"
        ),
        pytest.param(SUM, {"SAGEMAKER_SUBMIT_DIRECTORY": ""}, "set it to /opt/ml/model/code", id="no folder"),
        pytest.param(SUM, {"SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/src"}, "does not have", id="no such folder"),
        pytest.param(SUM, {"SAGEMAKER_SUBMIT_DIRECTORY": "s3://b/c.tar.gz"}, "fetches nothing", id="folder in S3"),
    ],
)
def test_a_script_that_cannot_be_served_ends_the_container_with_the_reason(
    serve: Serve, script: str, environment: dict[str, str], said: str
) -> None:
    served = serve(script, wait=False, **environment)
    assert wait_for_exit(served.container) == 1
    eventually(lambda: said in served.log)


def test_a_request_that_takes_too_long_ends_its_worker_and_another_takes_its_place(serve: Serve) -> None:
    script = serve(
        MODEL + "import time\ndef transform_fn(model, content, content_type, accept):\n"
        "    if content == 'slow': time.sleep(600)\n    return content, accept\n",
        SAGEMAKER_MODEL_SERVER_TIMEOUT="1",
    )
    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
        script.invoke(b"slow", "text/csv", "text/csv")
    assert script.invoke(b"fast", "text/csv", "text/csv").body == b"fast"
    eventually(lambda: "WORKER TIMEOUT after 1 s" in script.log)


def test_requirements_are_installed_for_this_container_alone(serve: Serve) -> None:
    name, package = wheel("only_here", "ANSWER = 42")
    script = serve(
        MODEL + "import only_here, numpy\ndef transform_fn(*_): return str(only_here.ANSWER), 'text/plain'\n",
        {"code/requirements.txt": f"./{name}\n".encode(), f"code/{name}": package},
        PIP_NO_INDEX="1",
    )
    assert script.invoke(b"x", "text/csv", None).body == b"42"
    with pytest.raises(ImportError):
        importlib.import_module("only_here")


def test_requirements_that_cannot_be_installed_end_the_container(serve: Serve) -> None:
    script = serve(SUM, {"code/requirements.txt": b"no-such-package==1\n"}, wait=False, PIP_NO_INDEX="1")
    assert wait_for_exit(script.container) == 1
    eventually(lambda: "No matching distribution found for no-such-package==1" in script.log)
