"""The embedded engine does what the official one was recorded doing: steps, calls, states, objects, summaries, exit codes."""

import json
from pathlib import Path

import pytest
from differential import EMBEDDED, RECORDED, run
from scenarios import SCENARIOS

# The others say less about what this project does; `make soak` runs them.
ORDINARY = (
    "create-update-delete",
    "replace-create-first",
    "replace-delete-first",
    "secrets",
    "components",
    "remote-component",
    "explicit-provider",
    "partial-failures",
    "failures",
    "errors-are-told",
    "protect",
    "read-what-is-made",
    "refresh",
    "pending-delete",
)


def cases() -> list[object]:
    return [
        pytest.param(name, id=name, marks=() if name in ORDINARY else pytest.mark.soak) for name in sorted(SCENARIOS)
    ]


@pytest.mark.parametrize("name", cases())
def test_engine_does_what_the_official_one_does(name: str, tmp_path: Path) -> None:
    recorded = json.loads((RECORDED / f"{name}.json").read_text())["phases"]
    done = run(EMBEDDED, SCENARIOS[name], tmp_path)
    for expected, actual in zip(recorded, done, strict=True):
        said = actual.pop("said")
        assert actual == expected, said


def test_recordings_name_the_engine_that_made_them() -> None:
    engines = {json.loads(path.read_text())["engine"] for path in RECORDED.glob("*.json")}
    assert len(engines) == 1
    assert engines.pop().startswith("pulumi v3.")
