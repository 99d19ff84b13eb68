from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.localcloud.pulumi.engine import PROJECT, STACK, Plugin

CHECKOUT = Path(__file__).parents[3]
DUMMIES = {
    "AWS_ACCESS_KEY_ID": "LOCALCLOUDADMIN",
    "AWS_SECRET_ACCESS_KEY": "localcloud",
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
}


@pytest.fixture(scope="session")
def cloud_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which this project's stack is registered."""
    home = tmp_path_factory.mktemp("home")
    (home / "run").mkdir()
    (home / "run" / "cloud.json").write_text(json.dumps({"stacks": [f"{PROJECT}/{STACK}"]}))
    return home


def environment(home: Path, **extra: str) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "PULUMI_", "KUBE"))}
    return {**kept, **DUMMIES, "LOCALCLOUD_HOME": str(home), **extra}


@pytest.fixture(scope="session")
def aws_endpoint(cloud_home: Path) -> Iterator[str]:
    endpoint = os.environ.get("TEST_AWS_ENDPOINT_URL")
    if endpoint:
        yield endpoint
        return
    log = (cloud_home / "aws.log").open("wb")
    command = [sys.executable, "-m", "tests.localcloud.aws.serve", str(cloud_home)]
    with subprocess.Popen(
        command, cwd=CHECKOUT, env=environment(cloud_home), stdout=subprocess.PIPE, stderr=log
    ) as process:
        try:
            assert process.stdout
            line = process.stdout.readline()
            assert line, (cloud_home / "aws.log").read_text()
            yield json.loads(line)["endpoint"]
        finally:
            process.terminate()
    log.close()


Start = Callable[..., Plugin]


@pytest.fixture(scope="session")
def start_plugin(cloud_home: Path) -> Iterator[Start]:
    """Starts plugins as an engine does; they end with the test run."""
    running: list[tuple[subprocess.Popen[bytes], Plugin]] = []

    def start(name: str, engine: str = "127.0.0.1:1", **variables: str) -> Plugin:
        process = subprocess.Popen(
            [sys.executable, "-m", f"localcloud.pulumi.{name}", engine],
            cwd=CHECKOUT,
            env=environment(cloud_home, **variables),
            stdout=subprocess.PIPE,
        )
        assert process.stdout
        plugin = Plugin(int(process.stdout.readline()))
        running.append((process, plugin))
        return plugin

    yield start
    for process, plugin in running:
        plugin.close()
        process.terminate()
        process.wait(60)
        assert process.stdout
        process.stdout.close()


@pytest.fixture(scope="session")
def aws(start_plugin: Start, aws_endpoint: str) -> Plugin:
    plugin = start_plugin("aws", AWS_ENDPOINT_URL=aws_endpoint)
    plugin.configure(region="us-east-1", defaultTags=json.dumps({"tags": {"project": "workshop"}}))
    return plugin


def boto(endpoint: str, service: str) -> Any:
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id=DUMMIES["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=DUMMIES["AWS_SECRET_ACCESS_KEY"],
    )
