"""Every package that set-up installs is pinned, including the dependencies of the requirements."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import metadata

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from localcloud.home import CHECKOUT
from localcloud.setup import virtualenv

FILES = (
    virtualenv.PROGRAM,
    virtualenv.LOCAL_CLOUD,
    virtualenv.POLICY,
    virtualenv.TOOLS,
    virtualenv.NOTEBOOK,
    virtualenv.TESTS,
)


def lines(text: str) -> Iterator[Requirement]:
    return map(Requirement, virtualenv.pinned(text))


def pinned() -> dict[str, str]:
    text = (CHECKOUT / virtualenv.CONSTRAINTS).read_text()
    return {canonicalize_name(one.name): str(one.specifier).removeprefix("==") for one in lines(text)}


def installed() -> dict[str, str]:
    """Each package that the requirements files lead to on this machine, with its version."""
    found: dict[str, str] = {}
    seen: set[tuple[str, str]] = set()
    open_ends = [(one, "") for path in FILES for one in lines((CHECKOUT / path).read_text())]
    while open_ends:
        wanted, extra = open_ends.pop()
        if wanted.marker is not None and not wanted.marker.evaluate({"extra": extra}):
            continue
        found[canonicalize_name(wanted.name)] = metadata.version(wanted.name)
        for end in {(wanted.name, ""), *((wanted.name, each) for each in wanted.extras)} - seen:
            seen.add(end)
            open_ends += [(Requirement(line), end[1]) for line in metadata.requires(wanted.name) or ()]
    return found


def test_every_package_is_installed_at_the_version_that_is_pinned() -> None:
    found, pins = installed(), pinned()
    assert len(found) > 100
    assert {name: version for name, version in found.items() if pins.get(name) != version} == {}
