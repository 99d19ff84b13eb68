"""Requests of the program to AWS about its own jobs, before anything is created and while they run.

A job is never refused because AWS does not answer or the deployer lacks a permission: the answer is then unknown.

While `up` waits for jobs, the line of each shows `InProgress, 40 s`. The Kubernetes provider shows its whole wait expression
and nothing about the job. So a thread asks SageMaker every few seconds, with one request for all jobs, and passes the answer
to the program's event loop, which logs it. The thread is a daemon, ends with the last job, and gives up if SageMaker does
not answer; the run does not depend on it.
"""

import asyncio
import datetime as dt
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import boto3
import pulumi
from botocore.exceptions import BotoCoreError, ClientError

from lookups import s3

UNKNOWN_MODEL = "Could not find model"  # how SageMaker starts the message; the error's code is a general one

SECONDS = 10.0  # between two requests
ATTEMPTS = 3  # failures in a row until it gives up
Ask = Callable[[], Mapping[str, str]]
"""Returns the text to show for each running job, by its SageMaker name."""


def model_exists(name: str, region: str) -> bool:
    """Say whether SageMaker has a model of this name; True if that is not known."""
    try:
        connect(region).describe_model(ModelName=name)
    except ClientError as error:
        return not error.response.get("Error", {}).get("Message", "").startswith(UNKNOWN_MODEL)
    except BotoCoreError:
        pass
    return True


def connect(region: str) -> Any:
    """Return a SageMaker client with a session of its own, since boto3's default session is not safe for several threads.

    Raises:
        BotoCoreError: there are no credentials, or the configuration is wrong.
    """
    return boto3.Session().client("sagemaker", region_name=region)


def read_head(uri: str, size: int) -> bytes:
    """Return the first bytes of an S3 object; an empty string if they cannot be read."""
    try:
        return s3.read_head(uri, size)
    except s3.S3Error:
        return b""


@dataclass(frozen=True)
class Account:
    """The lookups that declarations need; tests pass their own.

    Attributes:
        list_objects: gives the objects whose keys start with an S3 URI's.
        read_head: gives the first bytes of an object.
        model_exists: says whether a region has a model of a name.
    """

    list_objects: Callable[[str], Sequence[s3.S3Object]] = s3.list_objects
    read_head: Callable[[str, int], bytes] = read_head
    model_exists: Callable[[str, str], bool] = lambda name, region: model_exists(name, region)  # noqa: PLW0108  looked up when called


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
            clients.append(connect(region))
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
