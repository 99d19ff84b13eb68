"""Filters, sorting and pages of the List operations."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

from localcloud.aws.sagemaker.faults import ValidationError

Item = TypeVar("Item")


@dataclass(frozen=True)
class Listing:
    """How one List operation works.

    Args:
        key: the member of the answer that holds the items.
        sort_members: for each value of SortBy, the item's member it names.
        sort_by: the default of SortBy.
        status_member: the member that StatusEquals is compared with.
        time_members: for each prefix of a time filter, the item's member.
    """

    key: str
    sort_members: Mapping[str, str]
    sort_by: str
    status_member: str = ""
    time_members: Mapping[str, str] = field(default_factory=lambda: {"CreationTime": "CreationTime"})


def page(items: list[dict[str, Any]], request: Mapping[str, Any], listing: Listing) -> dict[str, Any]:
    """The page of a List operation that a request asks for."""
    found = [item for item in items if _wanted(item, request, listing)]
    member = listing.sort_members[request.get("SortBy") or listing.sort_by]
    name = listing.sort_members["Name"]
    found.sort(key=lambda item: (item[member], item[name]), reverse=request.get("SortOrder") != "Ascending")
    shown, token = cut(found, request, default=10)
    return {listing.key: shown, **token}


def cut(items: list[Item], request: Mapping[str, Any], default: int) -> tuple[list[Item], dict[str, str]]:
    """One page, and the NextToken where there is more."""
    start = _start(request.get("NextToken"))
    end = start + (request.get("MaxResults") or default)
    return items[start:end], ({"NextToken": _token(end)} if end < len(items) else {})


def _wanted(item: Mapping[str, Any], request: Mapping[str, Any], listing: Listing) -> bool:
    if (request.get("NameContains") or "").lower() not in item[listing.sort_members["Name"]].lower():
        return False
    status = request.get("StatusEquals")
    if status and item[listing.status_member] != status:
        return False
    return all(_in_time(item[member], request, prefix) for prefix, member in listing.time_members.items())


def _in_time(moment: datetime, request: Mapping[str, Any], prefix: str) -> bool:
    after, before = request.get(f"{prefix}After"), request.get(f"{prefix}Before")
    return (after is None or moment > _moment(after)) and (before is None or moment < _moment(before))


def _moment(value: Any) -> datetime:
    """A time of a request, whether the protocol's parser made it one or left its seconds."""
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    return datetime.fromtimestamp(float(value), UTC)


def _token(start: int) -> str:
    return base64.urlsafe_b64encode(json.dumps({"start": start}).encode()).decode()


def _start(token: str | None) -> int:
    if not token:
        return 0
    try:
        start = int(json.loads(base64.urlsafe_b64decode(token))["start"])
    except (ValueError, OverflowError, KeyError, TypeError, binascii.Error):
        start = -1
    if start < 0:
        raise ValidationError("Invalid NextToken: it is not from an earlier answer of this operation.")
    return start
