"""Shows what runs, where and since when, and the logs of the local cloud's parts."""

from __future__ import annotations

import datetime as dt
import subprocess
from pathlib import Path

from localcloud.commands import stack
from localcloud.console import say
from localcloud.supervisor import client

LOG_LINES = 20


def status(home: Path) -> int:
    """Print the running cloud's processes with their memory, and the stack's resources and jobs."""
    cloud = client.running(home)
    if cloud is None:
        say("the local cloud does not run; `make up` starts it")
        return 0
    since = dt.datetime.fromisoformat(cloud.started)
    age = dt.datetime.now(dt.UTC) - since
    say(f"local cloud   running since {cloud.started} ({str(age).partition('.')[0]})")
    say(f"AWS endpoint  {cloud.aws_endpoint}   account {cloud.account_id}, region {cloud.region}")
    resources = stack.resources(home)
    jobs = ", ".join(stack.declared_jobs(resources)) or "none"
    say(f"stack         {stack.LOCAL}: {len(resources)} resources; jobs: {jobs}")
    say(f"logs          {home / 'logs'}")
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
    """Print the end of each log of the local cloud, newest last."""
    files = sorted((home / "logs").glob("*.log"), key=lambda path: path.stat().st_mtime)
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
