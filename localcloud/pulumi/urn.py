"""The parts of a Pulumi URN: `urn:pulumi:<stack>::<project>::<types>::<name>`."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Urn:
    stack: str
    project: str
    type: str
    name: str
    text: str = field(default="", compare=False)  # the whole, as the engine gave it

    @classmethod
    def parse(cls, text: str) -> Urn:
        """Take a URN apart; the name is all after the third separator."""
        head, project, types, name = text.split("::", 3)
        return cls(head.removeprefix("urn:pulumi:"), project, types.rsplit("$", 1)[-1], name, text)
