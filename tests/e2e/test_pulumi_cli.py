"""The stack as a Pulumi user has it: `make shell` offers the CLI itself, with everything it can do."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest

from localcloud.go.programs import PULUMI_VERSION
from tests.e2e.checkout import Checkout, Said
from tests.e2e.conveniences import result

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("standing")]
JOB_KIND = "kubernetes:sagemaker.services.k8s.aws/v1alpha1:TransformJob"


def pulumi(checkout: Checkout, arguments: str) -> Said:
    said = checkout.shell(f"pulumi {arguments}")
    assert said.code == 0, said.text
    assert "Traceback" not in said.text
    assert "warning" not in said.text
    return said


def resources(checkout: Checkout) -> list[dict[str, Any]]:
    return json.loads(pulumi(checkout, "stack export").text)["deployment"]["resources"]


def urn(checkout: Checkout, kind: str, name: str) -> str:
    (found,) = (r["urn"] for r in resources(checkout) if r["type"] == kind and r["urn"].endswith(f"::{name}"))
    return found


def job_name(checkout: Checkout) -> str:
    return checkout.outputs()["transform_jobs"]["churn"]["job_name"]


@pytest.fixture(scope="module", autouse=True)
def settled(standing: Checkout) -> None:
    """Takes away what tests of other files added to the stack."""
    if set(standing.outputs()["transform_jobs"]) != {"churn"}:
        assert standing.make_target("up").code == 0


class TestWhatChangesNothing:
    def test_the_cli_is_pulumis_own(self, standing: Checkout) -> None:
        assert pulumi(standing, "version").text.strip() == PULUMI_VERSION
        about = json.loads(pulumi(standing, "about --json").text)
        assert about["runtime"]["language"] == "python"
        assert {plugin["name"] for plugin in about["plugins"]} >= {"aws", "eks", "kubernetes", "python"}

    def test_a_preview_comes_as_data(self, standing: Checkout) -> None:
        steps = json.loads(pulumi(standing, "preview --json").text)
        assert steps["changeSummary"] == {"same": 52}

    def test_a_refresh_finds_nothing_that_changed(self, standing: Checkout) -> None:
        assert "unchanged" in pulumi(standing, "refresh --preview-only").text

    def test_the_stack_is_drawn_and_shown(self, standing: Checkout) -> None:
        pulumi(standing, "stack graph .local/graph.dot")
        assert "TransformJob" in (standing.home / "graph.dot").read_text()
        history = json.loads(pulumi(standing, "stack history --json").text)
        assert ("update", "succeeded") in {(update["kind"], update["result"]) for update in history}

    def test_a_secret_of_the_config_is_encrypted(self, standing: Checkout) -> None:
        pulumi(standing, "config set --secret note swordfish")
        try:
            assert "swordfish" not in (standing.path / "Pulumi.local.yaml").read_text()
            assert pulumi(standing, "config get note").text.strip() == "swordfish"
        finally:
            pulumi(standing, "config rm note")

    def test_the_details_of_a_plan_are_shown_at_the_prompt(self, standing: Checkout) -> None:
        pulumi(standing, "config set resultsExpireDays 9")
        try:
            down = "\x1b[B"
            said = at_a_terminal(standing, "pulumi up", [f"{down}\r", "\r"])  # from no to details, then no
            assert said.count("Do you want to perform this update?") >= 2
            assert "[id=" in said  # of the resource in the details
            assert re.search(r"days\b.*=>.*9", said)
            assert "confirmation declined" in said
        finally:
            pulumi(standing, "config rm resultsExpireDays")


def at_a_terminal(checkout: Checkout, script: str, answers: list[str]) -> str:
    """What a script shows on a terminal where a person answers its prompts with these keys, one string a prompt."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        ["sh", "-euc", f". ./.local/env\nstty cols 160 rows 60\n{script}"],
        cwd=checkout.path,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    ) as process:
        os.close(theirs)
        said, answered, waiting, deadline = "", 0, list(answers), time.monotonic() + 120
        while time.monotonic() < deadline:
            if select.select([ours], [], [], 1.0)[0]:
                try:
                    said += os.read(ours, 65536).decode(errors="replace")
                except OSError:  # the last process at the terminal has ended
                    break
            elif waiting and "Do you want" in said[answered:]:
                answered = len(said)
                os.write(ours, waiting.pop(0).encode())
        process.kill()
    os.close(ours)
    return said


@pytest.fixture(scope="class")
def as_declared(standing: Checkout) -> Iterator[None]:
    """Whatever the tests of a class did with the state, at their end the stack is what the program declares."""
    yield
    said = pulumi(standing, "preview --diff --policy-pack policy").text
    assert "52 unchanged" in said
    assert "workshop" in said


@pytest.mark.usefixtures("as_declared")
class TestWhatChangesTheStack:
    def test_the_state_goes_out_and_in_unchanged(self, standing: Checkout) -> None:
        before = [(each["urn"], each.get("id")) for each in resources(standing)]
        standing.shell(
            "pulumi stack export --file .local/exported.json && pulumi stack import --file .local/exported.json"
        )
        assert [(each["urn"], each.get("id")) for each in resources(standing)] == before

    def test_one_resource_is_targeted(self, standing: Checkout) -> None:
        target = urn(standing, JOB_KIND, "churn")
        before = job_name(standing)
        said = pulumi(standing, f"destroy --yes --skip-preview --target '{target}'")
        assert "1 deleted" in said.text
        assert target not in {r["urn"] for r in resources(standing)}
        said = pulumi(standing, f"up --yes --skip-preview --target '{target}'")
        assert "1 created" in said.text
        assert job_name(standing) == before
        assert len(standing.transform_jobs()) == len(set(standing.transform_jobs()))  # adopted, not run again

    def test_one_resource_is_replaced(self, standing: Checkout) -> None:
        target = urn(standing, "aws:sagemaker/model:Model", "batch-workshop-model")
        said = pulumi(standing, f"up --yes --skip-preview --replace '{target}'")
        assert "replaced" in said.text

    @pytest.mark.parametrize(
        ("kind", "identifier"),
        [
            pytest.param(JOB_KIND, lambda s: f"default/{job_name(s)}", id="transform job"),
            pytest.param(
                "aws:s3/bucket:Bucket", lambda s: s.outputs()["bucket_name"], id="bucket", marks=pytest.mark.soak
            ),
        ],
    )
    def test_what_exists_is_imported_and_let_go(self, standing: Checkout, kind: str, identifier: Any) -> None:
        provider = "--provider 'kube=" + urn(standing, "pulumi:providers:kubernetes", "batch-workshop") + "'"
        flags = "--yes --skip-preview --generate-code=false"
        said = pulumi(
            standing, f"import {flags} {provider if kind == JOB_KIND else ''} {kind} imported {identifier(standing)}"
        )
        assert "1 imported" in said.text
        imported = urn(standing, kind, "imported")
        pulumi(standing, f"state unprotect --yes '{imported}'")
        pulumi(standing, f"state rename --yes '{imported}' renamed")
        pulumi(standing, f"state delete --yes '{urn(standing, kind, 'renamed')}'")

    def test_code_is_not_generated_and_one_line_says_so(self, standing: Checkout) -> None:
        said = standing.shell(
            "pulumi import --yes --skip-preview --protect=false aws:iam/role:Role extra batch-workshop-node"
        )
        assert said.code != 0
        assert "--generate-code=false" in said.text.splitlines()[-1]
        pulumi(standing, f"state delete --yes '{urn(standing, 'aws:iam/role:Role', 'extra')}'")

    def test_a_stack_is_renamed_and_its_settings_with_it(self, standing: Checkout) -> None:
        pulumi(standing, "stack rename other")
        try:
            assert "other" in pulumi(standing, "stack ls").text
            assert (standing.path / "Pulumi.other.yaml").exists()
        finally:
            pulumi(standing, "stack rename --stack other local")

    @pytest.mark.soak  # the test below removes one, by force
    def test_a_stack_that_holds_nothing_is_removed(self, standing: Checkout) -> None:
        pulumi(standing, "stack init scratch")
        assert "scratch" in pulumi(standing, "stack ls").text
        pulumi(standing, "stack rm --yes scratch")
        pulumi(standing, "stack select local")
        assert "scratch" not in pulumi(standing, "stack ls").text

    def test_the_local_plugins_refuse_a_stack_that_is_not_theirs(self, standing: Checkout) -> None:
        said = standing.shell(
            "cp Pulumi.local.yaml Pulumi.scratch.yaml; pulumi stack init scratch >&2;"
            " pulumi up --stack scratch --yes --skip-preview || echo refused; pulumi stack rm --yes --force scratch;"
            " rm -f Pulumi.scratch.yaml; pulumi stack select local"
        )
        assert "is not registered with the running local cloud" in said.text
        assert "refused" in said.text


@pytest.mark.soak
def test_the_automation_api_deploys_the_stack(standing: Checkout) -> None:
    script = (
        "import pulumi.automation as auto\n"
        "stack = auto.select_stack(stack_name='local', work_dir='.')\n"
        "done = stack.up(on_output=lambda line: None)\n"
        "print(done.summary.result, done.outputs['transform_jobs'].value['churn']['status'])\n"
    )
    (standing.home / "deploy.py").write_text(script)
    said = standing.shell(f"'{sys.prefix}/bin/python' .local/deploy.py")
    assert said.code == 0, said.text
    assert said.text.splitlines()[-1] == "succeeded Completed"
    assert len(result(standing, "churn")) == 667
