"""A stack's settings, its outputs as `pulumi` prints them, and the account that it acts on."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from workshop import stack
from workshop.stack import WorkshopError

Pulumi = Callable[[str], None]


@pytest.fixture
def pulumi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pulumi:
    """Puts a `pulumi` on PATH that runs this line of shell."""
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setenv("PULUMI_STACK", "dev")

    def put(script: str) -> None:
        program = tmp_path / "pulumi"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)

    return put


@pytest.fixture
def shell_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stands for `.local/env` of a local stack, in a process that has not read it."""
    monkeypatch.delenv("PULUMI_STACK", raising=False)
    monkeypatch.setattr(stack, "SHELL_FILE", tmp_path / "env")
    return tmp_path / "env"


def test_a_job_is_found_by_its_declared_name(pulumi: Pulumi) -> None:
    pulumi("""echo '{"transform_jobs": {"churn": {"job_name": "w-churn-1"}}}'""")
    assert stack.transform_job("churn") == {"job_name": "w-churn-1"}


@pytest.mark.parametrize(("named", "asked"), [("prod", "prod"), (None, "dev")], ids=["named", "the selected one"])
def test_the_named_stack_is_asked(pulumi: Pulumi, named: str | None, asked: str) -> None:
    pulumi("""echo "{\\"asked\\": \\"$*\\"}" """)
    assert stack.outputs(named) == {"asked": f"stack output --json --stack {asked}"}


@pytest.mark.parametrize(
    ("script", "words"),
    [
        pytest.param("""echo '{"transform_jobs": {"a": {}, "b": {}}}'""", "there are a, b", id="another job"),
        pytest.param("echo '{}'", "stack dev has no job yet: `make up STACK=dev` runs them", id="no job"),
        pytest.param("echo 'error: no stack selected' >&2; exit 255", "no stack selected", id="pulumi's own error"),
    ],
)
def test_a_missing_job_is_reported(pulumi: Pulumi, script: str, words: str) -> None:
    pulumi(script)
    with pytest.raises(WorkshopError, match=words):
        stack.transform_job("churn")


def test_a_missing_pulumi_is_reported_with_the_way_to_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PULUMI_STACK", "dev")
    with pytest.raises(WorkshopError, match="make shell"):
        stack.outputs()


def test_a_notebook_anywhere_acts_on_the_local_stack_as_its_shell_does(tmp_path: Path, shell_file: Path) -> None:
    program = tmp_path / "bin" / "pulumi"
    program.parent.mkdir()
    program.write_text("""#!/bin/sh\necho "{\\"home\\": \\"$PULUMI_HOME\\"}"\n""")
    program.chmod(0o755)
    shell_file.write_text(
        f"export PATH='{program.parent}':\"$PATH\" PULUMI_HOME=there AWS_ENDPOINT_URL=http://127.0.0.1:1 "
        "AWS_REGION=eu-west-1 AWS_ACCESS_KEY_ID=a AWS_SECRET_ACCESS_KEY=b\n"
    )
    assert stack.outputs() == {"home": "there"}
    client = stack.client("s3")
    assert (client.meta.endpoint_url, client.meta.region_name) == ("http://127.0.0.1:1", "eu-west-1")


def test_a_stack_that_is_not_set_up_is_reported_with_the_command(shell_file: Path) -> None:
    with pytest.raises(WorkshopError, match="has not been set up: run `make up`"):
        stack.outputs()


def test_settings_are_defaults_under_the_stacks_own_values(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: p\nconfig:\n  nodeInstanceType: {type: string, default: t3.small}\n")
    (tmp_path / "Pulumi.dev.yaml").write_text("config:\n  p:transformInstanceType: ml.m5.large\n")
    assert stack.settings(tmp_path, "dev") == {"nodeInstanceType": "t3.small", "transformInstanceType": "ml.m5.large"}


@pytest.mark.parametrize("content", ["", "# nothing is set\n", "config:\n"], ids=["empty", "a comment", "no key"])
def test_a_stack_that_sets_nothing_has_the_defaults(tmp_path: Path, content: str) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: p\nconfig:\n  nodeInstanceType: {type: string, default: t3.small}\n")
    (tmp_path / "Pulumi.dev.yaml").write_text(content)
    assert stack.settings(tmp_path, "dev") == {"nodeInstanceType": "t3.small"}


@pytest.mark.parametrize("content", [None, b"config: [", b"\xff"], ids=["no file", "not YAML", "not text"])
def test_settings_that_cannot_be_read_are_an_error(tmp_path: Path, content: bytes | None) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: p\nconfig: {}\n")
    if content is not None:
        (tmp_path / "Pulumi.dev.yaml").write_bytes(content)
    with pytest.raises(WorkshopError, match=r"the settings of stack dev cannot be read from .*Pulumi\.dev\.yaml"):
        stack.settings(tmp_path, "dev")


def test_a_tool_that_is_interrupted_ends_without_a_traceback() -> None:
    @stack.tool
    def interrupted(_: object) -> int:
        raise KeyboardInterrupt

    assert interrupted([]) == 130


def test_a_tool_whose_output_nobody_reads_any_more_ends_well() -> None:
    script = "from workshop import stack\n@stack.tool\ndef main(_):\n    for n in range(100_000): print(n)\n    return 3\nraise SystemExit(main([]))"
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        assert running.stdout.readline() == b"0\n"
        running.stdout.close()
        assert running.stderr.read() == b""
    assert running.returncode == 0
