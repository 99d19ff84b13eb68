"""Mistakes in declarations and settings: refused before anything is created, all of them together, each with its reason."""

from __future__ import annotations

import pytest

from tests.e2e.checkout import Checkout
from tests.e2e.jobs_as_code import added

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("standing")]
INPUT = 'input="model/batch_input.csv"'
WRONG_JOBS = {
    "Late": INPUT,
    "l" * 64: INPUT,
    "churn": INPUT,
    "lost": 'input="missing.csv"',
    "large": f"{INPUT}, max_payload_in_mb=101",
}
SAID = [
    "5 problems in the declared jobs; nothing was created",
    "Late: the name must consist of a-z",
    f"{'l' * 64}: the name has 64 characters, 39 are allowed",
    "churn: two jobs have this name",
    "lost: there is no file or folder missing.csv",
    "large: max_payload_in_mb: 101 is not allowed. Allowed: 0 to 100",
]


def test_wrong_declarations_are_all_named_before_anything_is_made(standing: Checkout) -> None:
    before = standing.transform_jobs()
    with added(standing, WRONG_JOBS):
        refused = standing.make_target("up")
    assert refused.code != 0
    assert [words for words in SAID if words not in refused.text] == [], refused.text
    assert "Traceback" not in refused.text
    assert standing.transform_jobs() == before


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        pytest.param(
            {"resultsExpireDays": "0", "modelArchive": "README.md"},
            [
                "resultsExpireDays: '0'. Allowed: a whole number from 1 to 3650",
                "modelArchive: README.md is not a valid tar.gz archive",
            ],
            id="out of range, and a model archive that is none",
        ),
        pytest.param(
            {"resultsExpireDays": "soon"},
            ["'resultsExpireDays' must be of type 'integer'"],
            id="of the wrong type, which Pulumi itself refuses",
            marks=pytest.mark.soak,
        ),
    ],
)
def test_wrong_config_is_refused_with_what_is_allowed(
    standing: Checkout, settings: dict[str, str], said: list[str]
) -> None:
    file = standing.path / "Pulumi.local.yaml"
    was = file.read_text()
    try:
        for key, value in settings.items():
            assert standing.shell(f"pulumi config set {key} {value}").code == 0
        refused = standing.make_target("up")
    finally:
        file.write_text(was)
    assert refused.code != 0
    assert [words for words in said if words not in refused.text] == [], refused.text
    assert "Traceback" not in refused.text
