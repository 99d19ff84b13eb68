"""A plugin as a process: it prints its port first, ends with its parent, and ends quietly after a signal."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

import pytest
from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2

from tests.localcloud.pulumi.conftest import CHECKOUT, Start, environment
from tests.localcloud.pulumi.engine import Failed, Plugin
from tests.processes import is_alive

NAMES = [pytest.param(name, id=name) for name in ("aws", "eks")]


@pytest.fixture(scope="module")
def plugins(start_plugin: Start) -> dict[str, Plugin]:
    """Both plugins, which have not been configured."""
    return {name: start_plugin(name) for name in ("aws", "eks")}


@pytest.mark.parametrize("name", NAMES)
def test_a_plugin_says_who_it_is(name: str, plugins: dict[str, Plugin]) -> None:
    plugin = plugins[name]
    handshake = plugin.call("Handshake", provider_pb2.ProviderHandshakeRequest())
    assert handshake.accept_secrets
    assert handshake.accept_outputs == (name == "eks")
    assert plugin.call("GetPluginInfo", empty_pb2.Empty()).version == version(f"pulumi-{name}")


@pytest.mark.parametrize("name", NAMES)
def test_a_plugin_without_a_schema_says_how_to_import(name: str, plugins: dict[str, Plugin]) -> None:
    with pytest.raises(Failed) as refused:
        plugins[name].call("GetSchema", provider_pb2.GetSchemaRequest())
    assert "--generate-code=false" in str(refused.value)


@pytest.mark.parametrize("name", NAMES)
def test_a_plugin_goes_with_its_parent(name: str, cloud_home: Path) -> None:
    starter = (
        "import subprocess, sys\n"
        f"p = subprocess.Popen([sys.executable, '-m', 'localcloud.pulumi.{name}', '127.0.0.1:1'], stdout=subprocess.PIPE)\n"
        "p.stdout.readline()\n"
        "print(p.pid, flush=True)\n"
        "sys.stdin.read()\n"
    )
    command = [sys.executable, "-c", starter]
    with subprocess.Popen(
        command, cwd=CHECKOUT, env=environment(cloud_home), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdout
        pid = int(parent.stdout.readline())
        parent.kill()
    deadline = time.monotonic() + 60
    while is_alive(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_alive(pid)


@pytest.mark.parametrize("name", NAMES)
def test_a_plugin_ends_quietly_on_an_interrupt(name: str, cloud_home: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", f"localcloud.pulumi.{name}", "127.0.0.1:1"],
        cwd=CHECKOUT,
        env=environment(cloud_home),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout
        assert process.stderr
        assert int(process.stdout.readline()) > 0
        os.kill(process.pid, signal.SIGINT)
        assert process.wait(60) == 0
        assert process.stderr.read() == b""
        assert process.stdout.read() == b""
