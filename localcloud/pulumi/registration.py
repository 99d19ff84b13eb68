"""Which stacks may use the local cloud: those that its supervisor has written to `run/cloud.json`.

A state file of an AWS account pointed at the local cloud by mistake would lose every resource in the next refresh, so
a plugin serves registered stacks only.
"""

from __future__ import annotations

import json
from typing import Any

from localcloud.home import home
from localcloud.pulumi.errors import NotRegisteredError
from localcloud.pulumi.urn import Urn


def require_registered(urn: Urn) -> None:
    """Check that the running local cloud serves this stack.

    Raises:
        NotRegisteredError: no local cloud runs, or it was not started for this stack.
    """
    stack, record = f"{urn.project}/{urn.stack}", home() / "run" / "cloud.json"
    try:
        cloud: dict[str, Any] = json.loads(record.read_text())
    except (OSError, ValueError):
        raise NotRegisteredError(f"no local cloud is running ({record} is missing): run `make up`") from None
    if stack not in cloud.get("stacks", []):
        known = ", ".join(cloud.get("stacks", [])) or "none"
        raise NotRegisteredError(
            f"the stack {stack} is not registered with the running local cloud (registered: {known}); "
            "these are the local cloud's plugins: `make up` registers and deploys the stack `local`, "
            "and a stack on AWS is run with the official plugins, `make up STACK=dev`"
        )
