"""What SageMaker says of the jobs while `up` waits for them: `InProgress, 40 s` on the line of each.

The Kubernetes provider shows its whole wait expression and nothing about the job. So a thread asks SageMaker every few
seconds, with one request for all jobs, and passes the answer to the program's event loop, which logs it. The thread is a
daemon, ends with the last job, and gives up if SageMaker does not answer; the run does not depend on it.
"""

import asyncio
import datetime as dt
import threading
from collections.abc import Callable, Mapping
from typing import Any

import pulumi

from jobs import account

SECONDS = 10.0  # between two requests
ATTEMPTS = 3  # failures in a row until it gives up

Ask = Callable[[], Mapping[str, str]]
"""Returns the text to show for each running job, by its SageMaker name."""


class Progress:
    """Follows jobs from the moment their name is known until their end; all calls come from the program's event loop.

    Args:
        ask: how SageMaker is asked.
        seconds: between two requests.
    """

    def __init__(self, ask: Ask, seconds: float = SECONDS) -> None:
        self._ask = ask
        self._seconds = seconds
        self._followed: dict[str, pulumi.Resource] = {}
        self._lock = threading.Lock()
        self._changed = threading.Event()
        self._thread: threading.Thread | None = None

    def follow(self, job_name: str, resource: pulumi.Resource) -> None:
        """Show the job's progress from now on, on the line of this resource; never in a preview."""
        if pulumi.runtime.is_dry_run():
            return
        with self._lock:
            self._followed[job_name] = resource
            if self._thread is None or not self._thread.is_alive():
                loop = asyncio.get_running_loop()
                self._changed.clear()
                self._thread = threading.Thread(target=self._run, args=(loop,), name="progress of jobs", daemon=True)
                self._thread.start()

    def ended(self, job_name: str) -> None:
        """Show nothing more about a job; the thread ends at once with the last one."""
        with self._lock:
            self._followed.pop(job_name, None)
            if not self._followed:
                self._changed.set()

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        failures = 0
        while failures < ATTEMPTS and not self._changed.wait(self._seconds):
            try:
                self._tell(loop, self._ask())
                failures = 0
            except RuntimeError:  # the loop is closed: the program has ended
                return
            except Exception:  # noqa: BLE001  whatever SageMaker answers, the run goes on without this
                failures += 1

    def _tell(self, loop: asyncio.AbstractEventLoop, said: Mapping[str, str]) -> None:
        with self._lock:
            followed = dict(self._followed)
        for job_name, resource in followed.items():
            if text := said.get(job_name):
                loop.call_soon_threadsafe(_log, text, resource)


def asking(region: str, prefix: str) -> Ask:
    """Return a function that asks SageMaker for the running jobs whose names start with the stack's prefix."""
    clients: list[Any] = []

    def ask() -> Mapping[str, str]:
        if not clients:
            clients.append(account.connect(region))
        pages = clients[0].get_paginator("list_transform_jobs")
        now = dt.datetime.now(dt.UTC)
        found = pages.paginate(NameContains=f"{prefix}-", StatusEquals="InProgress")
        return {job["TransformJobName"]: _said(job, now) for page in found for job in page["TransformJobSummaries"]}

    return ask


def _said(job: Mapping[str, Any], now: dt.datetime) -> str:
    seconds = max(0, round((now - job["CreationTime"]).total_seconds()))
    return f"{job['TransformJobStatus']}, {seconds} s"


def _log(text: str, resource: pulumi.Resource) -> None:
    pulumi.log.info(text, resource=resource, ephemeral=True)
