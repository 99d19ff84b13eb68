"""A newer chart version is refused until its definitions are applied."""

import pytest

from infra.operator import stale


@pytest.mark.parametrize(
    ("wanted", "applied", "installed"),
    [
        pytest.param("1.9.1", "", None, id="nothing is installed yet"),
        pytest.param("1.9.1", "", "1.9.1", id="the same version"),
        pytest.param("1.10.0", "1.10.0", "1.9.1", id="its definitions were applied"),
        pytest.param("1.9.1", "", "1.10.0", id="an older one, which newer definitions serve"),
    ],
)
def test_a_version_is_taken(wanted: str, applied: str, installed: str | None) -> None:
    assert stale(wanted, applied, installed, "dev") is None


@pytest.mark.parametrize("applied", ["", "1.9.1"])
def test_a_raised_version_is_refused_with_the_command_that_helps(applied: str) -> None:
    problem = stale("1.10.0", applied, "1.9.1", "dev")
    assert problem is not None
    assert "has the CRDs of 1.9.1" in problem
    assert "make crds STACK=dev" in problem
