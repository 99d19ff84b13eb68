"""`kubectl smlogs [transformjob] NAME`: prints the logs of a transform job, as the workshop's plugin of 2020 did.

kubectl finds this program as `kubectl-smlogs` on PATH. The cluster is read through kubectl itself, so that kubeconfig,
context and namespace are those of kubectl; CloudWatch is read with boto3's credentials.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lookups import ENDS, NAME_LABEL
from lookups.logs import JobLogs, Line
from workshop.stack import WorkshopError, tool

KINDS = ("transformjob", "transformjobs", "batchtransformjob", "batchtransformjobs", "btj")
GROUP = "sagemaker.services.k8s.aws"
RESOURCE = f"transformjobs.{GROUP}"
POLL_SECONDS = 1.0
NAMES_SHOWN = 10


@dataclass(frozen=True)
class Job:
    """A TransformJob object in the cluster."""

    object_name: str
    name: str  # SageMaker's name of the job, which may differ
    status: str
    region: str | None
    reason: str

    @classmethod
    def of(cls, item: dict[str, Any]) -> Job:
        status = item.get("status") or {}
        reasons = [
            condition.get("message", "")
            for condition in status.get("conditions") or []
            if condition["type"] in {"ACK.Terminal", "ACK.Recoverable"} and condition["status"] == "True"
        ]
        return cls(
            object_name=item["metadata"]["name"],
            name=item["spec"]["transformJobName"],
            status=status.get("transformJobStatus", ""),
            region=(status.get("ackResourceMetadata") or {}).get("region"),
            reason=status.get("failureReason") or "; ".join(reasons),
        )


@dataclass(frozen=True)
class Cluster:
    """kubectl, with the flags that select cluster and namespace."""

    flags: tuple[str, ...]

    def job(self, name: str) -> Job:
        """Return the job whose object has this name, else the newest one declared under this name.

        Raises:
            WorkshopError: there is no such job, or kubectl fails.
        """
        if item := self._get(name, "--ignore-not-found"):
            return Job.of(item)
        if declared := self._get("--selector", f"{NAME_LABEL}={name}").get("items"):
            return Job.of(max(declared, key=lambda item: item["metadata"]["creationTimestamp"]))
        names = [item["metadata"]["name"] for item in self._get().get("items", [])]
        more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
        there = ", ".join(names[:NAMES_SHOWN]) + more or "none"
        raise WorkshopError(f"there is no transform job {name!r} here; there are: {there}")

    def _get(self, *arguments: str) -> dict[str, Any]:
        command = ["kubectl", *self.flags, "get", RESOURCE, *arguments, "-o", "json"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        except FileNotFoundError:
            raise WorkshopError("kubectl is not on PATH") from None
        if done.returncode:
            raise WorkshopError(done.stderr.strip())
        return json.loads(done.stdout.strip() or "{}")


@tool
def main(arguments: Sequence[str]) -> int:
    """Show the logs of a transform job."""
    options = _parse(arguments)
    return _show(Cluster(_kubectl_flags(options)), options)


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="kubectl smlogs",
        usage="kubectl smlogs [KIND] NAME [-f] [--tail N] [-n NAMESPACE] [--context CONTEXT] [--kubeconfig FILE]",
        description="Show the logs of a SageMaker batch transform job.",
        epilog=f"KIND may be left out or be one of: {', '.join(KINDS)}. NAME is the object's name or the name that the "
        "job was declared under. Logs are read from CloudWatch, group /aws/sagemaker/TransformJobs.",
    )
    parser.add_argument("words", nargs="+", metavar="[KIND] NAME", help="the job")
    parser.add_argument("-f", "--follow", action="store_true", help="show new lines as they come; ends with the job")
    parser.add_argument("--tail", type=int, metavar="N", help="only the last N lines")
    parser.add_argument("-n", "--namespace", metavar="NAMESPACE")
    parser.add_argument("--context", metavar="CONTEXT")
    parser.add_argument("--kubeconfig", metavar="FILE")
    options = parser.parse_args(arguments)
    words: list[str] = options.words
    *kinds, options.name = words[0].split("/", 1) if len(words) == 1 else words  # one may contain both, as KIND/NAME
    if len(kinds) > 1 or any(not _is_kind(kind) for kind in kinds):
        parser.error(f"{' '.join(kinds)!r} is not a kind that has logs; KIND may be {', '.join(KINDS)}")
    if options.tail is not None and options.tail < 0:
        parser.error("--tail takes a number of lines, 0 or more")
    return options


def _is_kind(word: str) -> bool:
    """Say whether the word means transform jobs, with or without the API group, as kubectl accepts both."""
    kind, _, group = word.lower().partition(".")
    return kind in KINDS and group in {"", GROUP}


def _kubectl_flags(options: argparse.Namespace) -> tuple[str, ...]:
    chosen = (("--namespace", options.namespace), ("--context", options.context), ("--kubeconfig", options.kubeconfig))
    return tuple(part for flag, value in chosen if value for part in (flag, value))


def _show(cluster: Cluster, options: argparse.Namespace) -> int:
    job = cluster.job(options.name)
    logs = JobLogs(job.name, job.region)
    lines = logs.new()
    follow = options.follow and job.status not in ENDS
    if not lines and not follow:
        print(_why_nothing(job), file=sys.stderr)
        return 0
    _print(lines if options.tail is None else lines[len(lines) - min(options.tail, len(lines)) :])
    if follow:
        _follow(cluster, job, logs)
    return 0


def _follow(cluster: Cluster, job: Job, logs: JobLogs) -> None:
    """Show new lines until the job has ended, and then once more, because CloudWatch may be late."""
    ended = False
    while not ended:
        ended = job.status in ENDS
        time.sleep(POLL_SECONDS)
        if not ended:
            job = cluster.job(job.object_name)  # not by the declared name, under which there may be a newer job by now
        if job.reason and not job.status:
            raise WorkshopError(f"job {job.name} has not started: {job.reason}")
        _print(logs.new())


def _print(lines: list[Line]) -> None:
    for line in lines:
        print(line, flush=True)


def _why_nothing(job: Job) -> str:
    because = f": {job.reason}" if job.reason else ""
    if not job.status:
        raise WorkshopError(f"job {job.name} has not started{because}")
    if job.status in ENDS:
        return f"job {job.name} wrote no logs; it is {job.status}{because}"
    return f"job {job.name} is {job.status} and has no logs yet; add -f to wait for them"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
