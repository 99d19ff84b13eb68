"""The workflow in docs/ci.md: valid by the published schema, and with the same roles as in the program."""

from __future__ import annotations

import re
from pathlib import Path

import check_jsonschema
import pytest
import yaml
from click.testing import CliRunner, Result

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def workflow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    (text,) = re.findall(r"```yaml\n(.*?)```", (DOCS / "ci.md").read_text(), re.DOTALL)
    path = tmp_path_factory.mktemp("workflow") / "workshop.yml"
    path.write_text(text)
    return path


def checked(path: Path) -> Result:
    return CliRunner().invoke(check_jsonschema.main, ["--builtin-schema", "vendor.github-workflows", str(path)])


def test_the_workflow_is_valid(workflow: Path) -> None:
    done = checked(workflow)
    assert done.exit_code == 0, done.output


def test_the_schema_refuses_a_broken_workflow(workflow: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.yml"
    broken.write_text(workflow.read_text().replace("runs-on:", "runs-where:"))
    assert checked(broken).exit_code != 0


def test_a_pull_request_previews_and_main_deploys_each_under_its_own_role(workflow: Path) -> None:
    jobs = yaml.safe_load(workflow.read_text())["jobs"]
    roles = {
        name: next(step["with"]["role-to-assume"] for step in job["steps"] if "role-to-assume" in step.get("with", {}))
        for name, job in jobs.items()
    }
    assert {name: role.rpartition("-")[2] for name, role in roles.items()} == {"preview": "preview", "deploy": "deploy"}
    assert jobs["preview"]["if"] == "github.event_name == 'pull_request'"


def test_no_key_is_stored(workflow: Path) -> None:
    assert "secrets." not in workflow.read_text()
    assert yaml.safe_load(workflow.read_text())["permissions"] == {"contents": "read", "id-token": "write"}
