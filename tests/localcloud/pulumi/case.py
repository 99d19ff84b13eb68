"""The data with which the round trip tests a type."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.localcloud.pulumi.engine import Resource
from tests.localcloud.pulumi.world import World

Inputs = Callable[[World], dict[str, Any]]


@dataclass(frozen=True)
class Case:
    token: str
    inputs: Inputs
    updates: Inputs | None = None  # changes in place
    replaces: Inputs | None = None  # changes that need a new object
    outputs: dict[str, Any] = field(default_factory=dict)
    identity: Callable[[Resource], str] | None = None
    imported_as: Callable[[Resource], str] | None = None  # the id by which a program imports it, if that is another
    stays: bool = False  # whether deleting only forgets it
