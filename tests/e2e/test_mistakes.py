"""Mistakes in declarations and settings: refused before anything is made, each with what is wrong."""

from __future__ import annotations

import pytest

from tests.e2e.checkout import Checkout
from tests.e2e.jobs_as_code import added

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("standing")]


@pytest.mark.parametrize(
    ("jobs", "words"),
    [
        pytest.param({"Late": 'input="model/batch_input.csv"'}, "Late", id="capitals"),
        pytest.param({"l" * 64: 'input="model/batch_input.csv"'}, "l" * 64, id="name too long"),
        pytest.param({"churn": 'input="model/batch_input.csv"'}, "churn", id="two jobs of one name"),
        pytest.param({"late": 'input="missing.csv"'}, "missing.csv", id="missing input file"),
        pytest.param(
            {"late": 'input="model/batch_input.csv", max_payload_in_mb=101'}, "101", id="payload over the limit"
        ),
    ],
)
def test_a_wrong_declaration_is_refused_before_anything_is_made(
    standing: Checkout, jobs: dict[str, str], words: str
) -> None:
    before = standing.transform_jobs()
    with added(standing, jobs):
        refused = standing.make_target("up")
    assert refused.code != 0
    assert words in refused.text
    assert "Traceback" not in refused.text
    assert standing.transform_jobs() == before


@pytest.mark.parametrize(
    ("key", "value"),
    [
        pytest.param("resultsExpireDays", "0", id="out of range"),
        pytest.param("resultsExpireDays", "soon", id="of the wrong type"),
        pytest.param("modelArchive", "README.md", id="a model archive that is none"),
    ],
)
def test_wrong_config_is_refused_with_what_is_allowed(standing: Checkout, key: str, value: str) -> None:
    settings = standing.path / "Pulumi.local.yaml"
    was = settings.read_text()
    try:
        assert standing.shell(f"pulumi config set {key} {value}").code == 0
        refused = standing.make_target("up")
    finally:
        settings.write_text(was)
    assert refused.code != 0
    assert key in refused.text
    assert "Traceback" not in refused.text
