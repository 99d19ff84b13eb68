"""The commands on a stack in an account, with a Pulumi CLI that is only pretended."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from localcloud.commands import actions, stack
from localcloud.commands.__main__ import main
from localcloud.commands.pulumi_cli import PulumiCli
from localcloud.console import CommandError

KUBECONFIG = json.dumps({"apiVersion": "v1", "kind": "Config", "clusters": []})


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A generated folder, and a PATH on which `pulumi` answers with the file `answer` and keeps what it was asked."""
    (tmp_path / "path").mkdir()
    program = tmp_path / "path" / "pulumi"
    program.write_text(f'#!/bin/sh\necho ":$@" >> {tmp_path}/asked\ncat {tmp_path}/answer\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'path'}:/usr/bin:/bin")
    for name in ("LOCALCLOUD_HOME", "AWS_ACCESS_KEY_ID"):  # as in a terminal that knows nothing of the local cloud
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(stack, "CHECKOUT", tmp_path)
    (tmp_path / "Pulumi.yaml").write_text("name: sagemaker-batch-workshop\n")
    for name in ("dev", "prod"):
        (tmp_path / f"Pulumi.{name}.yaml").write_text("config:\n  aws:region: eu-west-1\n")
    return tmp_path


class Terminal(io.StringIO):
    """What a person types at."""

    def isatty(self) -> bool:
        return True


def answer(home: Path, content: Any) -> None:
    (home / "answer").write_text(json.dumps(content))


def asked(home: Path) -> list[str]:
    return (home / "asked").read_text().splitlines()


def test_a_shell_has_the_clusters_kubeconfig(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer(home, {"kubeconfig": KUBECONFIG})
    monkeypatch.setenv("SHELL", str(home / "shell"))
    (home / "shell").write_text(f'#!/bin/sh\necho "$PULUMI_STACK" > {home}/stack\ncp "$KUBECONFIG" {home}/used\n')
    (home / "shell").chmod(0o755)
    assert actions.shell(home, "dev") == 0
    assert yaml.safe_load((home / "used").read_text()) == json.loads(KUBECONFIG)
    assert (home / "stack").read_text() == "dev\n"
    assert (home / "kubeconfig-dev").stat().st_mode & 0o077 == 0


def test_a_shell_on_a_stack_without_cluster_is_refused_with_the_next_command(home: Path) -> None:
    answer(home, {"bucket_name": "b"})
    with pytest.raises(CommandError, match="`make up STACK=dev` comes first"):
        actions.shell(home, "dev")


@pytest.mark.parametrize("gone", [pytest.param(True, id="gone"), pytest.param(False, id="there")])
def test_destroy_lets_objects_go_only_with_their_cluster(
    home: Path, monkeypatch: pytest.MonkeyPatch, *, gone: bool
) -> None:
    cluster = {"urn": "c", "type": "aws:eks/cluster:Cluster", "outputs": {"arn": "arn:aws:eks:us-east-1:1:cluster/c"}}
    answer(home, {"deployment": {"resources": [cluster, {"urn": "p", "type": "kubernetes:core/v1:Pod"}]}})
    monkeypatch.setattr("localcloud.commands.recovery.deployment._is_gone", lambda *_: gone)
    monkeypatch.setattr(PulumiCli, "module", lambda *_: 0)
    assert actions.destroy(home, "dev") == 0
    assert (":--non-interactive stack import --stack dev" in asked(home)) is gone
    assert asked(home)[-1] == ":destroy --stack dev"


def test_nothing_is_deployed_while_preflight_fails(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PulumiCli, "module", lambda _, module, *__: 1 if module == "workshop.preflight" else 0)
    assert actions.up(home, "dev") == 3
    assert not (home / "asked").exists()


@pytest.mark.parametrize(
    ("status", "look"),
    [pytest.param("InProgress", " --refresh", id="still running"), pytest.param("Completed", "", id="ended")],
)
def test_a_job_whose_end_the_state_does_not_know_is_looked_at(
    home: Path, monkeypatch: pytest.MonkeyPatch, status: str, look: str
) -> None:
    job = {"type": "kubernetes:a/v1:TransformJob", "custom": True, "urn": "urn::late"}
    state = {"resources": [job | {"outputs": {"status": {"transformJobStatus": status}}}]}
    answer(home, {"deployment": state})
    monkeypatch.setattr(PulumiCli, "module", lambda *_: 0)
    assert actions.up(home, "dev") == 0
    log = home / "run" / "dev.events"
    flags = f"--suppress-outputs --parallel 64 --policy-pack policy{look} --event-log {log}"
    assert f":up --stack dev {flags}" in asked(home)


def test_after_an_up_that_failed_the_results_of_the_other_jobs_are_shown(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer(home, {"deployment": None, "transform_jobs": {"churn": {}}})
    shown: list[tuple[str, ...]] = []
    monkeypatch.setattr(PulumiCli, "up", lambda *_: 255)
    monkeypatch.setattr(PulumiCli, "module", lambda _, *asked: shown.append(asked) or 0)
    assert actions.up(home, "dev") == 1
    assert shown[-1] == ("workshop.summary", "--stack", "dev", "--outputs", str(home / "outputs-dev.json"))


def test_a_retry_counts_up_in_the_stack_that_is_named(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    annotations = {"batch-inference/content": "0a1b2c3d"}
    job = {"type": "kubernetes:a/v1:TransformJob", "custom": True, "urn": "urn::churn"}
    answer(home, {"deployment": {"resources": [job | {"inputs": {"metadata": {"annotations": annotations}}}]}})
    monkeypatch.setattr(stack, "reruns", lambda _: {"churn": "2@ffffffff"})
    monkeypatch.setattr(actions, "up", lambda *_: 0)
    assert actions.retry(home, "prod", "churn") == 0
    assert asked(home)[1:] == [":config set --stack prod --path rerun.churn 3@0a1b2c3d"]


def test_a_retry_of_a_job_that_the_stack_has_not_changes_nothing(home: Path) -> None:
    churn = {"type": "kubernetes:a/v1:TransformJob", "custom": True, "urn": "urn::churn"}
    answer(home, {"deployment": {"resources": [churn]}})
    with pytest.raises(CommandError, match=r"the stack has no job 'chrun' \(JOB\); it has churn"):
        actions.retry(home, "dev", "chrun")
    assert asked(home) == [":--non-interactive stack export --stack dev"]


def environment(home: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The variables of a shell on the stack `dev`."""
    answer(home, {"kubeconfig": KUBECONFIG})
    monkeypatch.setenv("SHELL", str(home / "shell"))
    script = f"import json, os, pathlib\npathlib.Path({str(home / 'variables')!r}).write_text(json.dumps(dict(os.environ)))\n"
    (home / "shell").write_text(f"#!{sys.executable}\n{script}")
    (home / "shell").chmod(0o755)
    assert actions.shell(home, "dev") == 0
    return json.loads((home / "variables").read_text())


def test_a_stack_is_acted_on_in_its_own_region(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    variables = environment(home, monkeypatch)
    assert {variables[name] for name in ("AWS_REGION", "AWS_DEFAULT_REGION")} == {"eu-west-1"}


@pytest.mark.parametrize("name", stack.PASSPHRASES)
def test_a_passphrase_that_the_environment_names_is_not_asked_for(
    home: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (home / "Pulumi.dev.yaml").write_text("encryptionsalt: v1:x\n")
    monkeypatch.setattr(stack, "getpass", lambda _: pytest.fail("it was asked for"))
    monkeypatch.setenv(name, "")
    assert environment(home, monkeypatch)[name] == ""


@pytest.mark.parametrize(("salt", "given"), [("encryptionsalt: v1:x\n", "secret"), ("config: {}\n", None)])
def test_a_passphrase_is_asked_for_once_where_there_is_one(
    home: Path, monkeypatch: pytest.MonkeyPatch, salt: str, given: str | None
) -> None:
    (home / "Pulumi.dev.yaml").write_text(salt)
    for name in stack.PASSPHRASES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr(stack, "getpass", lambda _: "secret")
    assert environment(home, monkeypatch).get(stack.PASSPHRASES[0]) == given


def test_without_a_terminal_one_is_told_what_to_export(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "Pulumi.dev.yaml").write_text("encryptionsalt: v1:x\n")
    for name in stack.PASSPHRASES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.stdin", io.StringIO())
    with pytest.raises(CommandError, match="export PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE"):
        actions.preview(home, "dev")


def test_a_retry_of_no_job_says_how_to_name_one(home: Path) -> None:
    with pytest.raises(CommandError, match="make retry JOB=churn STACK=prod"):
        actions.retry(home, "prod", "")


def test_the_tools_of_a_shell_are_there_though_the_local_cloud_never_ran(home: Path) -> None:
    answer(home, {"bucket_name": "b"})
    actions.preview(home, "dev")
    assert {path.name for path in (home / "tools").iterdir()} >= {"kubectl-smlogs", "aws"}


def test_what_is_the_local_clouds_alone_is_refused_with_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--stack", "dev"]) == 1
    there = "compare, cost, crds, destroy, leftovers, preflight, preview, report, results, retry, shell, tick, up\n"
    assert capsys.readouterr().err.endswith(f"for stack dev there are {there}")


def test_without_the_pulumi_cli_one_is_told_where_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CommandError, match=r"https://www\.pulumi\.com/docs/install/"):
        actions.preview(tmp_path, "dev")


def test_an_up_that_nobody_watches_asks_nothing_and_draws_nothing(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YES", "1")
    answer(home, {"deployment": None})
    program = home / "path" / "pulumi"
    program.write_text(
        program.read_text() + f'env | grep -E "^(NO_COLOR|PULUMI_SKIP_CONF)" | sort >> {home}/settings\n'
    )
    assert actions.preview(home, "dev") == 0
    assert ":--non-interactive --color never preview --stack dev" in asked(home)[-1]
    assert (home / "settings").read_text().splitlines()[-2:] == ["NO_COLOR=1", "PULUMI_SKIP_CONFIRMATIONS=true"]


def test_nobody_is_asked_for_a_passphrase_in_an_unattended_run(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YES", "1")
    monkeypatch.setattr("sys.stdin", Terminal())
    (home / "Pulumi.dev.yaml").write_text("encryptionsalt: v1:x\n")
    with pytest.raises(CommandError, match="export PULUMI_CONFIG_PASSPHRASE"):
        actions.preview(home, "dev")


def test_destroy_removes_schedules_and_stops_their_jobs_before_the_rest(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    urn = "urn:pulumi:dev::p::workshop:index:ScheduledJob$aws:scheduler/schedule:Schedule::nightly"
    answer(home, {"deployment": {"resources": [{"urn": urn, "type": "aws:scheduler/schedule:Schedule"}]}})
    done: list[str] = []
    monkeypatch.setattr(PulumiCli, "module", lambda _, *words: done.append(" ".join(words)) or 0)
    assert actions.destroy(home, "dev") == 0
    destroyed = [line.partition(":")[2] for line in asked(home) if ":destroy" in line]
    assert destroyed == [f"destroy --stack dev --target={urn}", "destroy --stack dev"]
    assert done == ["workshop.scheduled --stack dev --stop", "workshop.leftovers --stack dev"]
