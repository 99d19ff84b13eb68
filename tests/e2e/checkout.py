"""A checkout for a test, used as a person uses it: through make and the commands of the README."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3

from localcloud.commands import environment
from localcloud.supervisor import record

REPOSITORY = Path(__file__).resolve().parents[2]
SECONDS = 300
_OF_A_CHECKOUT = {"LOCALCLOUD_HOME", "MAKEFLAGS", "MAKELEVEL", "MFLAGS", "STACK", "JOB"}
_OF_THE_TESTS = {"GRPC_ENABLE_FORK_SUPPORT"}
# What each command on the local stack begins with.
_START = """
import os
from localcloud.commands import cloud, stack
from localcloud.home import own
os.environ["LOCALCLOUD_HOME"] = str(own())
stack.create(cloud.pulumi(own(), cloud.ensure(own())), own())
"""


@dataclass(frozen=True)
class Said:
    """What a command printed and how it ended."""

    code: int
    text: str


@dataclass
class Checkout:
    """A copy of the repository's files with a generated folder of its own; the virtual environment is shared."""

    path: Path
    base: dict[str, str] = field(default_factory=dict[str, str])

    @classmethod
    def make(cls, path: Path) -> Checkout:
        listing = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            check=True,
        )
        for name in filter(None, listing.stdout.split("\0")):
            if (REPOSITORY / name).is_file():
                (path / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(REPOSITORY / name, path / name)
        (path / ".local").mkdir()
        (path / ".local" / "venv").symlink_to(Path(sys.prefix))
        return cls(path)

    def start_cloud(self) -> None:
        """Start a local cloud with an empty stack, without a run of the program."""
        assert self.make_target("setup").code == 0
        done = self._run([str(self.home / "venv/bin/python"), "-c", _START], self._clean() | self.base)
        assert done.code == 0, done.text

    @property
    def home(self) -> Path:
        return self.path / ".local"

    def make_target(self, *arguments: str, **variables: str) -> Said:
        """`make ...` in this checkout, with nothing of another checkout in the environment."""
        return self._run(["make", *arguments], self._clean() | self.base | variables)

    def shell(self, script: str) -> Said:
        """A script as one would type it in `make shell`."""
        return self._run(["sh", "-euc", ". ./.local/env\n" + script], self._clean())

    def plain_shell(self, script: str) -> Said:
        """A script as a person types it in a fresh terminal."""
        return self._run(["sh", "-euc", script], self._clean() | self.base)

    def start(self, *arguments: str, **variables: str) -> subprocess.Popen[str]:
        """A command left running, for tests that cut it off; in a session of its own, so that its group can be signalled."""
        return subprocess.Popen(
            ["make", *arguments],
            cwd=self.path,
            env={**self._clean(), **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def outputs(self) -> dict[str, Any]:
        return json.loads(self.shell("pulumi stack output --json").text)

    def client(self, service: str) -> Any:
        """A boto3 client of the local account's administrator."""
        cloud = record.read(self.home)
        assert cloud is not None, "the local cloud does not run"
        return boto3.client(
            service,
            endpoint_url=cloud.aws_endpoint,
            region_name=cloud.region,
            aws_access_key_id=environment.ACCESS_KEY,
            aws_secret_access_key=environment.SECRET_KEY,
        )

    def transform_jobs(self) -> dict[str, str]:
        """Every transform job of the account with its status; SageMaker keeps them for ever."""
        pages = self.client("sagemaker").get_paginator("list_transform_jobs").paginate()
        jobs = (job for page in pages for job in page["TransformJobSummaries"])
        return {job["TransformJobName"]: job["TransformJobStatus"] for job in jobs}

    def write(self, name: str, text: str) -> None:
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    @staticmethod
    def _clean() -> dict[str, str]:
        """This process's environment with nothing of another checkout or of the tests in it."""
        return {name: value for name, value in os.environ.items() if name not in _OF_A_CHECKOUT | _OF_THE_TESTS}

    def _run(self, command: list[str], env: dict[str, str]) -> Said:
        done = subprocess.run(
            command,
            cwd=self.path,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        return Said(done.returncode, done.stdout)
