"""A container from start to end: its environment, its answers and logs, and what it leaves behind."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from localcloud.containers import Container, ContainerError, images, prewarm, start
from localcloud.containers.launcher import Launcher
from localcloud.containers.zygote import LaunchRequest
from localcloud.home import CHECKOUT
from tests.localcloud.containers.conftest import Archive
from tests.localcloud.containers.support import eventually, invoke, wait_for_exit, wait_until_serving
from tests.processes import is_alive

XGBOOST = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.0-5"
CHURN = CHECKOUT / "model" / "model.tar.gz"
BATCH = {"SAGEMAKER_BATCH": "true"}


Register = Callable[[Sequence[str]], str]


@pytest.fixture
def register(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Register:
    """Registers a program as a container of one's own and gives its image."""

    def write(command: Sequence[str]) -> str:
        file = tmp_path / "containers.toml"
        file.write_text(f'[[container]]\nimage = "own"\ncommand = {json.dumps(command)}\n')
        monkeypatch.setattr(images, "FILE", file)
        return "own"

    return write


@pytest.fixture
def script(register: Register) -> str:
    """An image whose program is a line of Python, given in the environment variable CODE."""
    return register([sys.executable, "-u", "-c", "import os; exec(os.environ['CODE'])"])


def _start(
    image: str, model: Path | None = None, environment: dict[str, str] | None = None
) -> tuple[Container, list[bytes]]:
    lines: list[bytes] = []
    return start(image, model, environment or {}, vcpus=2, log=lines.append), lines


def test_the_churn_model_answers_as_when_asked_directly() -> None:
    container, lines = _start(XGBOOST, CHURN, BATCH)
    with container:
        wait_until_serving(container)
        body = (CHECKOUT / "model" / "batch_input.csv").read_bytes()
        status, answer = invoke(container, body, Content_Type="text/csv", Accept="text/csv")
    assert status == 200
    assert len(answer.splitlines()) == len(body.splitlines())
    text = b"\n".join(lines).decode()
    assert ":INFO] Model objective : binary:logistic\n" in text
    assert ":INFO] Determined delimiter of CSV input is ','\n" in text
    assert f'"POST /invocations HTTP/1.1" 200 {len(answer)} "-" "Python-urllib/' in text


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells which libraries a process has loaded")
def test_a_first_prediction_does_not_wait_for_the_import_of_pandas() -> None:
    container, _ = _start(XGBOOST, CHURN, BATCH)
    with container:
        wait_until_serving(container)
        row = (CHECKOUT / "model" / "batch_input.csv").read_bytes().partition(b"\n")[0]
        assert invoke(container, row, Content_Type="text/csv")[0] == 200
        maps = [
            (status.parent / "maps").read_text()
            for status in Path("/proc").glob("[0-9]*/status")
            if _group(int(status.parent.name)) == container.pid
        ]
    assert len(maps) >= 2, "the container and the worker that answered"
    assert all("xgboost" in libraries and "pandas" not in libraries for libraries in maps)


def _group(pid: int) -> int | None:
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return None


def test_requests_on_kept_connections_are_shared_out_and_answered_each() -> None:
    container, _ = _start(XGBOOST, CHURN, BATCH)
    rows = (CHECKOUT / "model" / "batch_input.csv").read_bytes().splitlines()[:40]
    address = container.url.removeprefix("http://")

    def ask(share: list[bytes]) -> list[bytes]:
        connection = http.client.HTTPConnection(address, timeout=20)
        answers: list[bytes] = []
        for row in share:
            connection.request("POST", "/invocations", row, {"Content-Type": "text/csv"})
            answers.append(connection.getresponse().read())
        connection.close()
        return answers

    with container, ThreadPoolExecutor(5) as clients:
        wait_until_serving(container)
        whole = invoke(container, b"\n".join(rows), Content_Type="text/csv")[1].splitlines(keepends=True)
        shares = list(clients.map(ask, [rows[number::5] for number in range(5)]))
    assert [shares[number % 5][number // 5] for number in range(40)] == whole


def test_a_chunked_body_is_read() -> None:
    container, _ = _start(XGBOOST, CHURN, BATCH)
    with container:
        wait_until_serving(container)
        connection = http.client.HTTPConnection(container.url.removeprefix("http://"), timeout=20)
        body = (CHECKOUT / "model" / "batch_input.csv").read_bytes()
        parts = (body[at : at + 1000] for at in range(0, len(body), 1000))
        connection.request("POST", "/invocations", parts, {"Content-Type": "text/csv"}, encode_chunked=True)
        answer = connection.getresponse()
        assert (answer.status, len(answer.read().splitlines())) == (200, len(body.splitlines()))
        connection.close()


def test_a_body_beyond_the_limit_is_refused_with_413() -> None:
    container, _ = _start(XGBOOST, CHURN, {**BATCH, "MAX_CONTENT_LENGTH": "10"})
    with container:
        wait_until_serving(container)
        assert invoke(container, b"1" * 11, Content_Type="text/csv")[0] == 413


@pytest.mark.parametrize("chunked", [False, True], ids=["with a length", "chunked"])
def test_a_client_that_sends_all_before_it_reads_gets_the_413(*, chunked: bool) -> None:
    container, _ = _start(XGBOOST, CHURN, BATCH)
    part = b"1" * 2**20
    with container:
        wait_until_serving(container)
        connection = http.client.HTTPConnection(container.url.removeprefix("http://"), timeout=60)
        body = iter([part] * 20) if chunked else part * 20
        connection.request("POST", "/invocations", body, {"Content-Type": "text/csv"}, encode_chunked=chunked)
        answer = connection.getresponse()
        assert (answer.status, answer.getheader("Connection")) == (413, "close")
        assert b"exceeds the capacity limit" in answer.read()


def test_a_worker_that_is_killed_is_replaced() -> None:
    container, lines = _start(XGBOOST, CHURN, BATCH)
    with container:
        wait_until_serving(container)
        children = Path(f"/proc/{container.pid}/task/{container.pid}/children")
        if not children.exists():
            pytest.xfail("this system does not tell a process's children")
        for worker in children.read_text().split():
            os.kill(int(worker), signal.SIGKILL)
        wait_until_serving(container)
        eventually(lambda: any(b"ended with -9" in line for line in lines))


def test_the_example_serves_what_scikit_learn_has_learned(archive: Archive, register: Register) -> None:
    image = register([sys.executable, str(CHECKOUT / "localcloud/containers/examples/logistic_regression.py")])
    features = np.random.default_rng(0).normal(size=(100, 3))
    model = LogisticRegression().fit(features, features[:, 0] > features[:, 1])
    content = json.dumps({"coefficients": model.coef_[0].tolist(), "intercept": model.intercept_[0]})
    container, lines = _start(image, archive({"model.json": content.encode()}), BATCH)
    body = "".join(",".join(map(str, row)) + "\n" for row in features[:10].tolist())
    with container:
        wait_until_serving(container)
        status, answer = invoke(container, body.encode(), Content_Type="text/csv")
        refused = invoke(container, b"1,2\n", Content_Type="text/csv")
    assert status == 200
    np.testing.assert_allclose([float(line) for line in answer.split()], model.predict_proba(features[:10])[:, 1])
    assert refused == (400, b"2 columns, the model takes 3")
    assert any(b'"POST /invocations HTTP/1.1" 200' in line for line in lines)


def test_an_unknown_image_starts_nothing() -> None:
    with pytest.raises(ContainerError, match=r"no local program replaces the image 'example\.com/unknown:1'"):
        _start("example.com/unknown:1")


def test_a_bad_archive_starts_nothing_and_leaves_nothing(temporary_home: Path, archive: Archive) -> None:
    before = set((temporary_home / "run" / "containers").glob("*"))
    with pytest.raises(ContainerError, match="holds no file"):
        _start(XGBOOST, archive({}))
    assert set((temporary_home / "run" / "containers").glob("*")) == before


def test_a_model_that_cannot_be_loaded_ends_the_container_with_a_reason(archive: Archive) -> None:
    container, lines = _start(XGBOOST, archive({"xgboost-model": b"\x80\x04pickle."}))
    with container:
        assert wait_for_exit(container) == 1
        eventually(lambda: len(lines) > 0)
    assert b":ERROR] Unable to load model: xgboost-model is a pickle" in lines[0]


def test_a_process_gets_the_given_variables_and_a_few_of_the_system_only(
    script: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of the owner")
    code = "import json, sys; print(json.dumps(dict(os.environ))); print(sys.argv[-1])"
    container, lines = _start(script, None, {"CODE": code, "MINE": "1"})
    with container:
        assert wait_for_exit(container) == 0
        eventually(lambda: len(lines) > 1)
        scratch = os.path.dirname(json.loads(lines[0])["SM_MODEL_DIR"])  # noqa: PTH120  compared as text
    environment = json.loads(lines[0])
    assert set(environment) - {"LC_CTYPE"} == {
        *("CODE", "MINE"),
        *("PATH", "HOME", "LANG", "TMPDIR", "OMP_NUM_THREADS"),
        *("SAGEMAKER_BIND_TO_PORT", "SM_MODEL_DIR", "SM_NUM_CPUS"),
    }
    assert container.url.endswith(":" + environment["SAGEMAKER_BIND_TO_PORT"])
    assert environment["SM_NUM_CPUS"] == "2"
    assert lines[1] == b"serve"
    assert not Path(scratch).exists()


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        pytest.param("os._exit(3)", 3, id="exit code"),
        pytest.param("os.kill(os.getpid(), 9)", -9, id="signal"),
        pytest.param("raise SystemError('boom')", 1, id="exception"),
    ],
)
def test_the_exit_code_of_a_container_is_known(script: str, code: str, expected: int) -> None:
    container, _ = _start(script, None, {"CODE": code})
    with container:
        assert wait_for_exit(container) == expected
    assert container.poll() == expected


def test_a_program_that_is_not_there_is_reported(register: Register) -> None:
    container, lines = _start(register(["/no/such/program"]))
    with container:
        assert wait_for_exit(container) == 127
    assert lines == [b"cannot run /no/such/program: No such file or directory"]


def test_every_line_is_logged_the_unterminated_last_one_too(script: str) -> None:
    code = "import sys; print('out'); print('error', file=sys.stderr); print(end='last')"
    container, lines = _start(script, None, {"CODE": code})
    with container:
        wait_for_exit(container)
    assert lines == [b"out", b"error", b"last"]


_STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = os.fork()
if child:
    print(child)
time.sleep(600)
"""


@pytest.mark.parametrize(
    "first", [pytest.param(True, id="by stop"), pytest.param(False, id="when its first process dies")]
)
def test_all_processes_of_a_container_end_together(
    script: str, monkeypatch: pytest.MonkeyPatch, *, first: bool
) -> None:
    monkeypatch.setattr("localcloud.containers.container._GRACE_SECONDS", 0.2)
    container, lines = _start(script, None, {"CODE": _STUBBORN})
    eventually(lambda: bool(lines))
    child = int(lines[0])
    if not first:
        os.kill(container.pid, signal.SIGKILL)
        assert wait_for_exit(container) == -9
        eventually(lambda: not is_alive(child))
    container.stop()
    assert container.poll() == -9
    eventually(lambda: not is_alive(child))
    container.stop()  # again


_OWNER = """
import sys, time
from pathlib import Path
from localcloud.containers import start
container = start(sys.argv[1], Path(sys.argv[2]), {}, vcpus=1, log=lambda line: None)
print(container.pid, container._process.pid, flush=True)
time.sleep(600)
"""


def test_containers_die_with_their_owner_and_leave_no_file(tmp_path: Path) -> None:
    owner = subprocess.Popen(
        [sys.executable, "-c", _OWNER, XGBOOST, str(CHURN)],
        stdout=subprocess.PIPE,
        cwd=CHECKOUT,
        env={**os.environ, "LOCALCLOUD_HOME": str(tmp_path)},
    )
    with owner:
        assert owner.stdout is not None
        container = int(owner.stdout.readline().split()[0])
        assert is_alive(container)
        assert list((tmp_path / "run" / "containers").iterdir())
        owner.kill()
    eventually(lambda: not is_alive(container))
    eventually(lambda: not list((tmp_path / "run" / "containers").iterdir()))


def test_a_fork_server_that_has_ended_is_reported_and_leaves_no_descriptor_open(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "executable", shutil.which("false"))
    launcher = Launcher()
    before = os.listdir("/dev/fd")  # noqa: PTH208  their numbers are enough
    request = LaunchRequest(module="", command=["true"], environment={}, scratch="/")
    with pytest.raises(ContainerError, match=r"fork server of containers does not answer \(it ended\)"):
        launcher.launch(request, output=1)
    assert os.listdir("/dev/fd") == before  # noqa: PTH208
    launcher.close()


def test_many_containers_start_at_once_each_on_a_port_of_its_own() -> None:
    prewarm()
    with ThreadPoolExecutor(8) as starters:
        started = [container for container, _ in starters.map(lambda _: _start(XGBOOST, CHURN, BATCH), range(16))]
    try:
        assert len({container.url for container in started}) == 16
        for container in started:
            wait_until_serving(container)
    finally:
        for container in started:
            container.stop()
