"""What the chart lets the controller, and readers and writers of its kinds, do in the cluster."""

from __future__ import annotations

import copy
from typing import Any, Final

from localcloud.operator.chart_values import KINDS
from localcloud.operator.crd import GROUP

Rules = list[dict[str, Any]]

_PLURALS: Final = [f"{kind.lower()}s" for kind in KINDS]
_COMMON: Final = ["fieldexports", "iamroleselectors"]
_READ: Final = ["get", "list", "watch"]
_ALL: Final = ["create", "delete", "get", "list", "patch", "update", "watch"]
_STATUS: Final = ["get", "patch", "update"]


def _rule(group: str, resources: list[str], verbs: list[str]) -> dict[str, Any]:
    return {"apiGroups": [group], "resources": resources, "verbs": verbs}


def _status_of(plurals: list[str]) -> list[str]:
    return [f"{plural}/status" for plural in plurals]


CONTROLLER: Final[Rules] = [
    _rule("", ["configmaps", "secrets"], ["get", "list", "patch", "watch"]),
    _rule("", ["namespaces"], _READ),
    _rule(GROUP, sorted(_PLURALS), _ALL),
    _rule(GROUP, _status_of(sorted(_PLURALS)), _STATUS),
    _rule("services.k8s.aws", _COMMON, _ALL),
    _rule("services.k8s.aws", _status_of(_COMMON), _STATUS),
]
READ_NAMESPACES: Final[Rules] = [_rule("", ["namespaces"], _READ)]
READ_CONFIG_MAPS: Final[Rules] = [_rule("", ["configmaps"], _READ)]
READER: Final[Rules] = [_rule(GROUP, _PLURALS, _READ)]
# The chart names the kinds in the second rule too, not their status.
WRITER: Final[Rules] = [_rule(GROUP, _PLURALS, _ALL), _rule(GROUP, _PLURALS, _STATUS)]
LEADER_ELECTION: Final[Rules] = [
    _rule("coordination.k8s.io", ["leases"], ["get", "list", "watch", "create", "update", "patch", "delete"]),
    _rule("", ["events"], ["create", "patch"]),
]


def copied(rules: Rules) -> Rules:
    """Rules of one's own to hand out."""
    return copy.deepcopy(rules)
