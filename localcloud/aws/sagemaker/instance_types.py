"""What is known of an instance type from its name."""

from __future__ import annotations

import re

_SIZE = re.compile(r"(\d*)xlarge$")
_EXCEPTIONS = {"ml.c4.8xlarge": 36}


def vcpus(instance_type: str) -> int:
    """How many vCPUs an instance type has: four for each `xlarge`, two for a `large`."""
    if instance_type in _EXCEPTIONS:
        return _EXCEPTIONS[instance_type]
    match = _SIZE.search(instance_type)
    return 4 * int(match[1] or 1) if match else 2
