"""The stages for the operator's tests: pretended or real."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from localcloud.cluster.backend import ClusterEndpoint
from localcloud.operator import controller
from tests.localcloud.operator.stage import MemoryStage, OperatorProcess, ServerStage, Stage, install_definitions


@pytest.fixture(scope="session")
def kubeconfig(request: pytest.FixtureRequest) -> Path:
    """A real API server: the tests' own, or the one of OPERATOR_KUBECONFIG with the definition installed."""
    if given := os.environ.get("OPERATOR_KUBECONFIG"):
        return Path(given)
    endpoint: ClusterEndpoint = request.getfixturevalue("endpoint")
    install_definitions(endpoint.admin_kubeconfig)
    return endpoint.admin_kubeconfig


@pytest.fixture(scope="session")
def operator(kubeconfig: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OperatorProcess]:
    """The controller as one process for all tests at a real API server."""
    process = OperatorProcess(kubeconfig, tmp_path_factory.mktemp("operator"))
    yield process
    process.close()


@pytest.fixture(params=["memory", pytest.param("server", marks=[pytest.mark.e2e, pytest.mark.xdist_group("cluster")])])
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    """A controller that runs, first in memory, then as a process at a real API server."""
    memory = request.param == "memory"
    stage = request.getfixturevalue("memory") if memory else ServerStage(request.getfixturevalue("operator"))
    stage.start()
    yield stage
    stage.close()


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> Iterator[MemoryStage]:
    """A stage in memory on which no controller runs yet. Its controller polls more often than a real one."""
    monkeypatch.setattr(controller, "_INTERVAL_SECONDS", 0.02)
    stage = MemoryStage()
    yield stage
    stage.close()
