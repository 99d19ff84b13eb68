"""`python -m localcloud.supervisor --home DIR --stack PROJECT/STACK`: runs the local cloud until it gets a signal."""

from __future__ import annotations

import argparse
import datetime as dt
import json
import logging
import os
import select
import shutil
import signal
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path

from localcloud import process
from localcloud.supervisor import record

START_SECONDS = 300.0  # a busy machine may need minutes; if the process ends, that is noticed at once
ACCOUNT_ID = "123456789012"
# The endpoint has many threads, each of which answers a few requests. With an arena of memory for each, glibc keeps a
# sixth more.
_FRUGAL = {"MALLOC_ARENA_MAX": "2", "MALLOC_TRIM_THRESHOLD_": "131072"}
log = logging.getLogger("supervisor")


def main() -> int:
    """Start the AWS endpoint, write the record, and stay until asked to stop or until the endpoint dies."""
    parser = argparse.ArgumentParser(prog="python -m localcloud.supervisor", description=main.__doc__)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--stack", action="append", default=[], help="PROJECT/STACK that the local plugins may act for")
    parser.add_argument("--port", type=int, default=0, help="port of the AWS endpoint; 0 takes a free one")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    with record.held(options.home) as free:
        if not free:
            log.error("another supervisor holds %s", options.home)
            return 1
        return _run(options.home, options.stack, options.port)


def _run(home: Path, stacks: list[str], port: int) -> int:
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    _wipe_what_is_left(home)
    aws = _start_aws(home, port)
    try:
        endpoint = _endpoint(aws, home, stopping)
        if endpoint:
            record.write(home, _cloud(endpoint, aws.pid, stacks))
            log.info("ready at %s", endpoint)
        return _watch(aws, stopping)
    except RuntimeError as error:
        log.error("%s", error)  # noqa: TRY400  a trace adds nothing to the endpoint's own log
        return 1
    finally:
        record.path(home).unlink(missing_ok=True)
        process.stop(aws, grace_seconds=15)


def _wipe_what_is_left(home: Path) -> None:
    """Remove the clusters of an earlier instance, whose account is gone."""
    shutil.rmtree(home / "run" / "clusters", ignore_errors=True)
    record.path(home).unlink(missing_ok=True)


def _start_aws(home: Path, port: int) -> subprocess.Popen[bytes]:
    log_file = home / "logs" / "aws.log"
    log_file.unlink(missing_ok=True)
    command = [sys.executable, "-m", "localcloud.aws", "--home", home, "--port", str(port)]
    return process.spawn(command, log=log_file, stdout=subprocess.PIPE, env={**os.environ, **_FRUGAL})


def _endpoint(aws: subprocess.Popen[bytes], home: Path, stopping: threading.Event) -> str | None:
    """The URL that the endpoint prints when it serves; None if the supervisor was asked to stop before that.

    Raises:
        RuntimeError: it ended, or did not print anything in time.
    """
    assert aws.stdout is not None  # noqa: S101  it was started with stdout=PIPE
    deadline = time.monotonic() + START_SECONDS
    while not select.select([aws.stdout], [], [], 0.1)[0]:
        if stopping.is_set():
            return None
        if time.monotonic() >= deadline:
            raise RuntimeError(f"the AWS endpoint did not start within {START_SECONDS:.0f} s; see {home}/logs/aws.log")
    line = aws.stdout.readline()
    if not line:
        said = (home / "logs" / "aws.log").read_text(errors="replace").strip().rpartition("\n")[2]
        raise RuntimeError(f"the AWS endpoint ended with code {aws.wait()}: {said}")
    return str(json.loads(line)["endpoint"])


def _cloud(endpoint: str, aws_pid: int, stacks: list[str]) -> record.Cloud:
    return record.Cloud(
        instance_id=str(uuid.uuid4()),
        pid=os.getpid(),
        started=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        aws_endpoint=endpoint,
        aws_pid=aws_pid,
        region=os.environ["AWS_REGION"],
        account_id=ACCOUNT_ID,
        stacks=stacks,
    )


def _watch(aws: subprocess.Popen[bytes], stopping: threading.Event) -> int:
    while not stopping.wait(0.5):
        if aws.poll() is not None:
            log.error("the AWS endpoint ended with code %s; the local cloud is gone with it", aws.returncode)
            return 1
    log.info("asked to stop")
    return 0


if __name__ == "__main__":
    sys.exit(main())
