"""Service quotas of transform jobs, where the user has set any.

The file HOME/quotas.json maps a quota's name to its value, e.g. {"ml.m5.large for transform job usage": 4}; the
environment variable LOCALCLOUD_SAGEMAKER_QUOTAS holds the same JSON and wins. A quota that is not named has no limit.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

VARIABLE = "LOCALCLOUD_SAGEMAKER_QUOTAS"


def transform_limit(home: Path, instance_type: str) -> int | None:
    """How many instances of a type transform jobs may use at once; None is no limit."""
    limit = _quotas(home).get(f"{instance_type} for transform job usage")
    return int(limit) if isinstance(limit, int | float) else None


def _quotas(home: Path) -> dict[str, Any]:
    """The quotas in effect, read anew each time so that they can be changed while the endpoint runs."""
    text = os.environ.get(VARIABLE)
    if text is None:
        file = home / "quotas.json"
        text = file.read_text() if file.exists() else "{}"
    try:
        quotas: Any = json.loads(text)
    except ValueError:
        return {}
    return quotas if isinstance(quotas, dict) else {}
