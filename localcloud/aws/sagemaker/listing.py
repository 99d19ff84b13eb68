"""Filters, sorting and pages of the List operations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from localcloud.aws.protocol import validation
from localcloud.aws.sagemaker.errors import foreign_token

_PAGE = 10  # items, where the request does not say


@dataclass(frozen=True)
class Listing:
    """The settings of one List operation.

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
    size = request.get("MaxResults") or _PAGE
    shown, token = validation.page(found, request.get("NextToken"), size, foreign_token())
    return {listing.key: shown, **({"NextToken": token} if token else {})}


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
    """A time in a request, which the protocol's parser gives as a datetime or as seconds."""
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    return datetime.fromtimestamp(float(value), UTC)
