"""Starts the local cloud of a stack, shows its processes and logs, and removes the state that an earlier one left."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
from pathlib import Path

from localcloud.commands import environment, pulumi_cli, recovery, stack
from localcloud.commands.pulumi_cli import PulumiCli
from localcloud.console import CommandError, say, step
from localcloud.home import CHECKOUT
from localcloud.supervisor import client, record
from localcloud.supervisor.record import Cloud

LOG_LINES = 20
SETUP_LOG = "pip.log"


def ensure(home: Path) -> Cloud:
    """The running cloud. If no cloud runs, the state of an earlier one is removed, and a new one is started."""
    cloud = record.running(home)
    if cloud is None:
        _clear_leftovers(home)
        with step("Local cloud"):
            registered = [f"{stack.project()}/{stack.LOCAL}"]
            cloud = client.start(home, registered, environment.local(home, None), port=_port())
    environment.write_tools(home, CHECKOUT)
    environment.write_plugins(home, CHECKOUT)
    environment.write_shell_file(home, cloud.aws_endpoint)
    return cloud


def running(home: Path) -> Cloud:
    """The running cloud.

    Raises:
        CommandError: none runs.
    """
    cloud = record.running(home)
    if cloud is None:
        raise CommandError("the local cloud is not running: `make up` starts it")
    return cloud


def pulumi(home: Path, cloud: Cloud) -> PulumiCli:
    """The CLI for the local stack, in the local environment."""
    return pulumi_cli.choose(home, environment.local(home, cloud.aws_endpoint))


def forget(home: Path) -> None:
    """Delete the state of the stack and of everything that ran; set-up and logs stay."""
    stack.forget(home)
    record.forget(home)
    recovery.event_log(home, stack.LOCAL).unlink()  # it tells of objects that went with the cloud
    (home / "kubeconfig").unlink(missing_ok=True)
    if (home / "env").exists():
        environment.write_shell_file(home, None)


def _clear_leftovers(home: Path) -> None:
    resources = stack.resources(home)
    if not resources:
        return
    jobs = stack.declared_jobs(resources)
    again = f"; to be computed again: {', '.join(sorted(jobs))}" if jobs else ""
    say(f"    the local cloud of the last run is gone, and its resources with it{again}")
    forget(home)


def _port() -> int:
    """LOCALCLOUD_PORT sets the AWS endpoint's port; the default is a free one.

    Raises:
        CommandError: it is not a valid port.
    """
    text = os.environ.get("LOCALCLOUD_PORT") or "0"
    if not text.isdecimal() or int(text) > 65535:
        raise CommandError(f"LOCALCLOUD_PORT={text} is not a valid port: use 0 (any free port) to 65535")
    return int(text)


def status(home: Path) -> int:
    """Print the running cloud's processes with their memory, and the stack's resources and jobs."""
    cloud = record.running(home)
    if cloud is None:
        say("the local cloud does not run; `make up` starts it")
        return 0
    since = dt.datetime.fromisoformat(cloud.started).astimezone()
    age = dt.datetime.now(dt.UTC) - since
    say(f"local cloud   running since {since:%Y-%m-%d %H:%M:%S} ({str(age).partition('.')[0]})")
    say(f"AWS endpoint  {cloud.aws_endpoint}   account {cloud.account_id}, region {cloud.region}")
    resources = stack.resources(home)
    jobs = ", ".join(stack.declared_jobs(resources)) or "none"
    say(f"stack         {stack.LOCAL}: {stack.count(resources)} resources; jobs: {jobs}")
    say(f"logs          {home / 'logs'}")
    say("       PID   MEMORY  PROCESS")
    for pid, megabytes, command in family(cloud.pid):
        say(f"  {pid:>8}  {megabytes:>5.0f} MB  {command}")
    return 0


def family(root: int) -> list[tuple[int, float, str]]:
    """A process and all its descendants: pid, resident megabytes, command line (shortened)."""
    listing = subprocess.run(["ps", "-axww", "-o", "pid=,ppid=,rss=,args="], capture_output=True, text=True, check=True)
    rows = [line.split(None, 3) for line in listing.stdout.splitlines()]
    children: dict[int, list[int]] = {}
    known: dict[int, tuple[float, str]] = {}
    for row in rows:
        pid, parent, kilobytes = (int(part) for part in row[:3])
        children.setdefault(parent, []).append(pid)
        known[pid] = (kilobytes / 1000, _shorten(row[3] if len(row) > 3 else ""))
    found, queue = [], [root]
    while queue:
        pid = queue.pop(0)
        found.append((pid, *known[pid]))
        queue += children.get(pid, [])
    return found


def logs(home: Path) -> int:
    """Print the end of each log of the local cloud that has content, newest last."""
    written = (path for path in (home / "logs").glob("*.log") if path.stat().st_size and path.name != SETUP_LOG)
    files = sorted(written, key=lambda path: path.stat().st_mtime)
    for path in files:
        say(f"==> {path}")
        for line in path.read_text(errors="replace").splitlines()[-LOG_LINES:]:
            say(f"  {line}")
    if not files:
        say(f"there are no logs yet in {home / 'logs'}")
    return 0


def _shorten(command: str) -> str:
    words = [Path(word).name if word.startswith("/") else word for word in command.split()]
    return " ".join(words)[:100]
