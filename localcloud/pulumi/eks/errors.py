"""Inputs that a component cannot work with."""

from __future__ import annotations

from collections.abc import Mapping

from pulumi.errors import InputPropertiesError


def refuse(message: str, problems: Mapping[str, str]) -> None:
    """Refuse inputs, each with its reason; nothing happens when there is no problem.

    Raises:
        InputPropertiesError: there is one.
    """
    if problems:
        text = "; ".join(f"`{name}`: {reason}" for name, reason in problems.items())
        details = [{"property_path": name, "reason": reason} for name, reason in problems.items()]
        raise InputPropertiesError(f"{message} {text}", details)  # pyright: ignore[reportArgumentType]  a TypedDict
