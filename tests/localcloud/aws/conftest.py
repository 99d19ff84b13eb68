"""One running endpoint for all tests here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.localcloud.aws.endpoint import Endpoint


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    home = tmp_path_factory.mktemp("aws-home")
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "LOCALCLOUD_"))}
    root = Path(__file__).parents[3]
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("serve.py")), str(home)],
        stdout=subprocess.PIPE,
        env={**environment, "PYTHONPATH": str(root)},
        text=True,
    )
    assert process.stdout is not None
    try:
        yield Endpoint(json.loads(process.stdout.readline())["endpoint"], home)
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()
