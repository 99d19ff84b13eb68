"""The generated programs run the checkout's code, from any directory and any path."""

import subprocess
from importlib import metadata
from pathlib import Path

import pytest

from localcloud.commands import environment
from localcloud.go import binaries
from localcloud.go.programs import CONTROL_PLANE_AND_PROVIDER, PULUMI, Program


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("PYTHONPATH", raising=False)  # a script keeps what whoever runs the tests has set
    folder = tmp_path / "a home with spaces"
    program(folder / "venv" / "bin" / "python", 'echo "$PYTHONPATH|$LOCALCLOUD_HOME|$*"')
    return folder


def program(path: Path, script: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def built(which: Program) -> None:
    for name in which.names:
        program(binaries.folder(which) / name, f"echo {name}")


def plugin(home: Path, name: str) -> Path:
    version = metadata.version(f"pulumi-{name}")
    return home / "pulumi-home" / "plugins" / f"resource-{name}-v{version}" / f"pulumi-resource-{name}"


def said(*command: str | Path) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.parametrize("name", ["aws", "eks"])
def test_a_plugin_runs_the_checkouts_module_in_its_home(home: Path, tmp_path: Path, name: str) -> None:
    environment.write_plugins(home, tmp_path)
    assert said(plugin(home, name), "127.0.0.1:1") == f"{tmp_path}|{home}|-m localcloud.pulumi.{name} 127.0.0.1:1"


def test_the_compiled_kubernetes_provider_is_an_installed_plugin(home: Path, tmp_path: Path) -> None:
    built(CONTROL_PLANE_AND_PROVIDER)
    environment.write_plugins(home, tmp_path)
    assert said(plugin(home, "kubernetes")) == "pulumi-resource-kubernetes"


def test_a_downloaded_kubernetes_provider_stays(home: Path, tmp_path: Path) -> None:
    built(CONTROL_PLANE_AND_PROVIDER)
    program(plugin(home, "kubernetes"), "echo official")
    environment.write_plugins(home, tmp_path)
    assert said(plugin(home, "kubernetes")) == "official"


def test_the_compiled_cli_lies_beside_its_language_host(home: Path, tmp_path: Path) -> None:
    built(PULUMI)
    (home / "cli").mkdir()
    environment.write_tools(home, tmp_path)
    assert sorted(path.name for path in (home / "cli").iterdir()) == [
        "pulumi",
        "pulumi-language-python",
        "pulumi-resource-pulumi-python",
    ]
    assert not (home / "cli" / "pulumi").is_symlink()  # the CLI would look beside what the link names
    assert said(home / "cli" / "pulumi") == "pulumi"


def test_with_an_installed_cli_there_is_none_of_ours(home: Path, tmp_path: Path) -> None:
    built(PULUMI)
    environment.write_tools(home, tmp_path)
    assert not (home / "cli").exists()


def test_aws_runs_through_its_interpreter_whatever_the_path(home: Path, tmp_path: Path) -> None:
    environment.write_tools(home, tmp_path)
    assert said(home / "tools" / "aws", "--version").endswith(f"|{home}/venv/bin/aws --version")
