"""The worker process: how long it lives, and how jobs wait in it for their turn."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from localcloud.aws.clients import RoleCredentials
from localcloud.aws.sagemaker import worker
from localcloud.aws.sagemaker.orders import Channel, Order
from localcloud.aws.sagemaker.worker import Turns
from localcloud.aws.sagemaker.workers import LocalTransforms
from localcloud.batch_transform.containers import Container
from localcloud.batch_transform.errors import Stopped
from localcloud.batch_transform.job import Cancellation, JobStatus
from localcloud.batch_transform.run import Outcome
from tests.localcloud.aws.endpoint import eventually
from tests.processes import is_alive

_OWNER = """
import sys, time
from pathlib import Path
from localcloud.aws.sagemaker.workers import LocalTransforms
if __name__ == "__main__":
    transforms = LocalTransforms(Path(sys.argv[1]), lambda: "http://127.0.0.1:9")
    transforms.warm()
    while transforms.worker_pid is None:
        time.sleep(0.02)
    print(transforms.worker_pid, flush=True)
    time.sleep(600)
"""


def _alive_after(pid: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while is_alive(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return is_alive(pid)


def test_a_killed_owner_takes_its_worker_along(tmp_path: Path) -> None:
    owner = tmp_path / "owner.py"
    owner.write_text(_OWNER)
    command = [sys.executable, str(owner), str(tmp_path / "home")]
    root = Path(__file__).resolve().parents[4]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env={"PYTHONPATH": str(root)}, text=True) as process:
        assert process.stdout is not None
        worker = int(process.stdout.readline())
        assert is_alive(worker)
        process.send_signal(signal.SIGKILL)
    assert not _alive_after(worker, 60)


def test_a_worker_that_cannot_start_is_not_tried_again_before_a_job_comes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    transforms = LocalTransforms(tmp_path, lambda: "http://127.0.0.1:9", runtime="nowhere:containers")
    transforms.warm()
    eventually(lambda: "did not start" in caplog.text)  # so it is not replaced
    assert (tmp_path / "logs" / "transform.log").read_text().count("ModuleNotFoundError:") == 1
    assert transforms.worker_pid is None
    transforms.close()


def most_at_once(turns: Turns, jobs: int, expected: int = 1) -> int:
    """How many of several short jobs had a turn at the same time; none ends before so many were expected."""
    lock, inside, most, together = threading.Lock(), 0, 0, threading.Event()

    def job() -> None:
        nonlocal inside, most
        with turns.one(Cancellation()):
            with lock:
                inside += 1
                most = max(most, inside)
                if inside == expected:
                    together.set()
            assert together.wait(60)
            time.sleep(0.01)  # for one too many to come
            with lock:
                inside -= 1

    with ThreadPoolExecutor(jobs) as pool:
        for done in [pool.submit(job) for _ in range(jobs)]:
            done.result()
    return most


def test_no_more_than_the_count_have_a_turn_at_once() -> None:
    assert most_at_once(Turns(2, 60), jobs=16, expected=2) == 2


def test_jobs_that_never_end_hold_up_no_other_job() -> None:
    turns, over = Turns(1, 0.05), threading.Event()

    def hang() -> None:
        with turns.one(Cancellation()):
            over.wait(60)

    with ThreadPoolExecutor(4) as pool:
        hanging = [pool.submit(hang) for _ in range(3)]
        try:
            with turns.one(Cancellation()):
                assert not any(job.done() for job in hanging)
        finally:
            over.set()


def test_a_turn_that_ran_out_is_given_back_once(monkeypatch: pytest.MonkeyPatch) -> None:
    turns = Turns(1, 0.05)
    with turns.one(Cancellation()), turns.one(Cancellation()):  # the second comes when the first has run out
        pass
    monkeypatch.setattr(turns, "_seconds", 60.0)
    assert most_at_once(turns, jobs=4) == 1


def test_a_job_that_is_stopped_while_it_waits_takes_no_turn() -> None:
    turns, cancellation = Turns(1, 60), Cancellation()
    with ThreadPoolExecutor(1) as pool, turns.one(Cancellation()):
        waiting = pool.submit(turns.one(cancellation).__enter__)
        cancellation.cancel()
        with pytest.raises(Stopped):
            waiting.result(60)
    assert most_at_once(turns, jobs=4) == 1


class Asking(Cancellation):
    """Tells when a job that waits for its turn has said how to be interrupted, which it does when it has asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = threading.Event()

    @contextmanager
    def interrupting(self, interrupt: Callable[[], None]) -> Generator[None]:
        with super().interrupting(interrupt):
            self.asked.set()
            yield


def test_turns_come_in_the_order_in_which_they_were_asked_for() -> None:
    turns, order = Turns(1, 60), list[int]()

    def job(number: int, cancellation: Cancellation) -> None:
        with turns.one(cancellation):
            order.append(number)

    with ThreadPoolExecutor(9) as pool, turns.one(Cancellation()):
        for number in range(9):
            asking = Asking()
            pool.submit(job, number, asking)
            assert asking.asked.wait(60)
    assert order == list(range(9))


class Held(worker.Worker):
    """Its jobs run until they are let go."""

    let_go = threading.Event()

    def _outcome(self, order: Order, cancellation: Cancellation) -> Outcome:
        del order, cancellation
        self.let_go.wait(60)
        return Outcome(JobStatus.COMPLETED)


def no_container(*_: object, **__: object) -> Container:
    raise AssertionError("no job comes so far")


@contextmanager
def working(folder: Path) -> Generator[Channel]:
    ours, theirs = socket.socketpair()
    ours.settimeout(60)
    with ours, theirs:
        serving = threading.Thread(target=Held(Channel(theirs), "http://127.0.0.1:9", no_container, folder).serve)
        serving.start()
        try:
            yield Channel(ours)
        finally:
            Held.let_go.set()
            ours.shutdown(socket.SHUT_WR)
            serving.join()


def order(arn: str) -> dict[str, Any]:
    return Order(arn, {}, [], "us-east-1", RoleCredentials("key", "secret")).to_json()


@pytest.mark.parametrize(
    "awaited", [pytest.param("JOBS_AT_ONCE", id="turn"), pytest.param("MOST_JOBS_AT_ONCE", id="thread")]
)
def test_a_job_that_waits_is_stopped_while_the_one_before_it_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, awaited: str
) -> None:
    monkeypatch.setattr(worker, awaited, 1)
    Held.let_go.clear()
    with working(tmp_path) as channel:
        for arn in ("first", "second"):
            channel.send({"do": "run", "order": order(arn)})
        channel.send({"do": "stop", "arn": "second"})
        events = channel.messages()
        assert next(events, None) == {"event": "ready"}
        assert next(events, None) == {"event": "ended", "arn": "second", "status": "Stopped", "reason": None}
        Held.let_go.set()
        assert next(events)["arn"] == "first"
