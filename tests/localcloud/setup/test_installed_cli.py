"""An installed Pulumi CLI is used if it is new enough; otherwise one line says why not."""

from pathlib import Path

import pytest

from localcloud.setup import programs


def pulumi(folder: Path, script: str) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pulumi").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "pulumi").chmod(0o755)
    return str(folder)


@pytest.mark.parametrize(
    ("script", "serves"),
    [
        pytest.param("echo v3.274.1", True, id="newer"),
        pytest.param("echo v3.260.0-dev.0", True, id="a development build"),
        pytest.param("echo v3.259.9", False, id="older"),
        pytest.param("echo v4.0.0", True, id="the next major version"),
        pytest.param("exit 1", False, id="does not run"),
        pytest.param("echo hello", False, id="not a CLI"),
    ],
)
def test_a_cli_is_used_when_it_is_new_enough(tmp_path: Path, script: str, serves: bool) -> None:
    found = programs.installed(pulumi(tmp_path, script))
    assert found is not None
    assert found.is_new_enough is serves


def test_a_cli_that_is_too_old_is_named_with_both_versions(tmp_path: Path) -> None:
    found = programs.installed(pulumi(tmp_path, "echo v3.100.2"))
    assert found is not None
    assert found.reason == (
        f"{tmp_path / 'pulumi'} is Pulumi 3.100.2, and 3.260.0 or newer is needed; the Pulumi CLI is compiled instead"
    )


def test_a_compiled_cli_of_a_checkout_does_not_count(tmp_path: Path) -> None:
    ours = pulumi(tmp_path / ".local" / "cli", "echo v3.274.1")
    theirs = pulumi(tmp_path / "usr", "echo v3.274.1")
    assert programs.installed(ours) is None
    found = programs.installed(f"{ours}:{theirs}")
    assert found is not None
    assert found.program == tmp_path / "usr" / "pulumi"


def test_a_folder_of_path_that_does_not_exist_is_passed_over(tmp_path: Path) -> None:
    assert programs.installed(f"{tmp_path / 'gone'}::") is None
