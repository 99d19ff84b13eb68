"""The stages on which the operator's tests run."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.localcloud.operator.stage import MemoryStage, OperatorProcess, ServerStage, Stage, install_definitions

# Its tests run on one worker, so that one cluster is started for them.
ONE_CLUSTER = pytest.mark.xdist_group("operator")


@pytest.fixture(scope="session")
def kubeconfig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A real API server: the tests' own, or the one of OPERATOR_KUBECONFIG with the definition installed."""
    if given := os.environ.get("OPERATOR_KUBECONFIG"):
        yield Path(given)
        return
    home = tmp_path_factory.mktemp("home")
    command = [sys.executable, "-m", "localcloud.cluster", "up", "--home", str(home), "--name", "operator"]
    with (home / "cluster.log").open("wb") as log, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log) as up:
        try:  # leaving the block waits for the process: whatever happens, it has to be told to end
            assert up.stdout is not None
            path = Path(up.stdout.readline().decode().strip())
            assert path.is_file(), (home / "cluster.log").read_text()
            install_definitions(path)
            yield path
        finally:
            up.terminate()


@pytest.fixture(scope="session")
def operator(kubeconfig: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OperatorProcess]:
    """The controller as one process for all tests at a real API server."""
    process = OperatorProcess(kubeconfig, tmp_path_factory.mktemp("operator"))
    yield process
    process.close()


@pytest.fixture(params=["memory", pytest.param("server", marks=[pytest.mark.e2e, ONE_CLUSTER])])
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    """A controller that runs, first in memory, then as a process at a real API server."""
    stage = MemoryStage() if request.param == "memory" else ServerStage(request.getfixturevalue("operator"))
    stage.start()
    yield stage
    stage.close()


@pytest.fixture
def memory() -> Iterator[MemoryStage]:
    """A stage in memory on which nothing runs yet."""
    stage = MemoryStage()
    yield stage
    stage.close()
