"""A lifecycle rule in Pulumi's words and in S3's."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from localcloud.pulumi.aws.resource import tag_list, tag_map
from localcloud.pulumi.wire import Properties

_NONCURRENT_EXPIRATION = {"noncurrentDays": "NoncurrentDays", "newerNoncurrentVersions": "NewerNoncurrentVersions"}
_NONCURRENT_TRANSITION = {**_NONCURRENT_EXPIRATION, "storageClass": "StorageClass"}
_SIZES = {"objectSizeGreaterThan": "ObjectSizeGreaterThan", "objectSizeLessThan": "ObjectSizeLessThan"}


def to_rule(rule: Properties) -> dict[str, Any]:
    """A rule as S3 takes it."""
    made: dict[str, Any] = {"ID": rule["id"], "Status": rule["status"]}
    if rule.get("prefix") is not None:
        made["Prefix"] = rule["prefix"]
    else:
        made["Filter"] = _to_filter(rule.get("filter") or {})
    if expiration := rule.get("expiration"):
        made["Expiration"] = _to_timed(expiration)
    if abort := rule.get("abortIncompleteMultipartUpload"):
        made["AbortIncompleteMultipartUpload"] = {"DaysAfterInitiation": abort["daysAfterInitiation"]}
    if noncurrent := rule.get("noncurrentVersionExpiration"):
        made["NoncurrentVersionExpiration"] = _renamed(noncurrent, _NONCURRENT_EXPIRATION)
    if moves := rule.get("noncurrentVersionTransitions"):
        made["NoncurrentVersionTransitions"] = [_renamed(move, _NONCURRENT_TRANSITION) for move in moves]
    if transitions := rule.get("transitions"):
        made["Transitions"] = [{**_to_timed(t), "StorageClass": t["storageClass"]} for t in transitions]
    return made


def _renamed(values: Properties, table: dict[str, str]) -> dict[str, Any]:
    return {api: values[name] for name, api in table.items() if values.get(name) is not None}


def _to_timed(values: Properties) -> dict[str, Any]:
    made: dict[str, Any] = {}
    if values.get("date"):
        made["Date"] = datetime.fromisoformat(values["date"])
    if values.get("days"):
        made["Days"] = values["days"]
    if values.get("expiredObjectDeleteMarker"):
        made["ExpiredObjectDeleteMarker"] = True
    return made


def _to_filter(values: Properties) -> dict[str, Any]:
    if both := values.get("and"):
        made = _renamed(both, {"prefix": "Prefix", **_SIZES})
        return {"And": {**made, **({"Tags": tag_list(both["tags"])} if both.get("tags") else {})}}
    if tag := values.get("tag"):
        return {"Tag": {"Key": tag["key"], "Value": tag["value"]}}
    # an empty filter is the empty prefix: every object
    return _renamed(values, _SIZES) or {"Prefix": values.get("prefix") or ""}


def from_rule(rule: Any) -> Properties:
    """A rule as Pulumi has it."""
    made: Properties = {"id": rule.get("ID", ""), "status": rule["Status"]}
    if "Filter" in rule:
        made["filter"] = _from_filter(rule["Filter"])
    elif "Prefix" in rule:
        made["prefix"] = rule["Prefix"]
    if "Expiration" in rule:
        made["expiration"] = _from_timed(rule["Expiration"])
    if "AbortIncompleteMultipartUpload" in rule:
        days = rule["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"]
        made["abortIncompleteMultipartUpload"] = {"daysAfterInitiation": days}
    if "NoncurrentVersionExpiration" in rule:
        made["noncurrentVersionExpiration"] = _back(rule["NoncurrentVersionExpiration"], _NONCURRENT_EXPIRATION)
    if moves := rule.get("NoncurrentVersionTransitions"):
        made["noncurrentVersionTransitions"] = [_back(move, _NONCURRENT_TRANSITION) for move in moves]
    if transitions := rule.get("Transitions"):
        made["transitions"] = [{**_from_timed(t), "storageClass": t["StorageClass"]} for t in transitions]
    return made


def _back(values: Any, table: dict[str, str]) -> Properties:
    return {name: values[api] for name, api in table.items() if api in values}


def _from_timed(values: Any) -> Properties:
    made: Properties = {}
    if "Date" in values:
        made["date"] = values["Date"].astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if "Days" in values:
        made["days"] = values["Days"]
    if "ExpiredObjectDeleteMarker" in values:
        made["expiredObjectDeleteMarker"] = values["ExpiredObjectDeleteMarker"]
    return made


def _from_filter(values: Any) -> Properties:
    if both := values.get("And"):
        made = _back(both, {"prefix": "Prefix", **_SIZES})
        return {"and": {**made, **({"tags": tag_map(both["Tags"])} if both.get("Tags") else {})}}
    if tag := values.get("Tag"):
        return {"tag": {"key": tag["Key"], "value": tag["Value"]}}
    return _back(values, {"prefix": "Prefix", **_SIZES})
