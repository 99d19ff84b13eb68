"""Whether a job is as its object's spec wants it, by ACK's rules.

Tags are not compared, for DescribeTransformJob does not tell them. What SageMaker fills in by itself counts as wanted
where ACK knows of it (data processing, assembly, output key), and as a difference anywhere else.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, Final

Json = dict[str, Any]

_FILLED_IN: Final[Mapping[str, tuple[str, ...]]] = {
    "dataProcessing": ("inputFilter", "joinSource", "outputFilter"),
    "transformOutput": ("assembleWith", "kmsKeyID"),
}


def specs_differ(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> bool:
    """Whether SageMaker's job is another than the spec asks for."""
    return _comparable(_with_defaults(wanted, found)) != _comparable(found)


def _with_defaults(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> Json:
    filled = copy.deepcopy(dict(wanted))
    for part, members in _FILLED_IN.items():
        if found.get(part) is None:
            continue
        here: Json = filled.setdefault(part, {})
        for member in members:
            if here.get(member) is None and found[part].get(member) is not None:
                here[member] = found[part][member]
    return filled


def _comparable(spec: Mapping[str, Any]) -> Json:
    kept = {name: value for name, value in spec.items() if name != "tags" and value is not None}
    if not kept.get("environment"):  # none at all and an empty one are the same
        kept.pop("environment", None)
    return kept
