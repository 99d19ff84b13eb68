"""Jobs that wait in the worker for their turn."""

from __future__ import annotations

import socket
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from localcloud.aws.sagemaker import worker
from localcloud.aws.sagemaker.backend import Order, RoleCredentials
from localcloud.aws.sagemaker.channel import Channel
from localcloud.batch_transform.cancellation import Cancellation
from localcloud.batch_transform.run import Outcome, Status


class Held(worker.Worker):
    """Its jobs run until they are let go."""

    let_go = threading.Event()

    def _outcome(self, order: Order, cancellation: Cancellation) -> Outcome:
        del order, cancellation
        self.let_go.wait(60)
        return Outcome(Status.COMPLETED)


@contextmanager
def working(folder: Path) -> Generator[Channel]:
    nothing: Any = None
    ours, theirs = socket.socketpair()
    ours.settimeout(60)
    with ours, theirs:
        serving = threading.Thread(target=Held(Channel(theirs), "http://127.0.0.1:9", nothing, folder).serve)
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
