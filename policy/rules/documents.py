"""Policy documents as IAM reads them: a value that may be single or a list is always a list here."""

import json
from typing import Any


def statements(document: object) -> list[dict[str, Any]]:
    """The statements of a document, which is a JSON string or its parsed value."""
    parsed = json.loads(document) if isinstance(document, str) else document
    found = parsed.get("Statement", []) if isinstance(parsed, dict) else []
    return found if isinstance(found, list) else [found]


def texts(value: object) -> list[str]:
    """One string or several, as a list; a boolean as JSON writes it."""
    items = value if isinstance(value, list) else [] if value is None else [value]
    return [str(item).lower() if isinstance(item, bool) else str(item) for item in items if item != ""]
