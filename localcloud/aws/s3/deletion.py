"""DeleteObjects: each key is decided on its own, and what is refused is told beside what was deleted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from localcloud.aws.iam.authorization import Authorizer
from localcloud.aws.iam.needs.s3 import deletion
from localcloud.aws.protocol.errors import AwsError
from localcloud.aws.protocol.wire import Call
from localcloud.aws.s3 import checksums
from localcloud.aws.s3.buckets import Buckets

Entry = Mapping[str, str]
_LOCKED = "Access Denied because object protected by object lock."


class Deletion:
    """The operation; moto deletes what is allowed."""

    def __init__(self, buckets: Buckets, authorizer: Authorizer) -> None:
        self._buckets = buckets
        self._authorizer = authorizer

    def delete(self, call: Call) -> Mapping[str, Any]:
        checksums.check(call.request.headers, call.request.body)
        bucket, entries = str(call.params["Bucket"]), _entries(call)
        if self._buckets.find(bucket) is None:
            raise AwsError("NoSuchBucket", "The specified bucket does not exist", 404)
        allowed: list[Entry] = []
        refused: list[Entry] = []
        for entry in entries:
            (allowed if self._authorizer.permits(call, deletion(bucket, entry)) else refused).append(entry)
        bypass = bool(call.params.get("BypassGovernanceRetention"))
        deleted, locked = self._buckets.delete(bucket, allowed, bypass=bypass)
        errors = [_error(entry, "Access Denied") for entry in refused]
        errors += [_error({"Key": key}, _LOCKED) for key in locked]
        quiet = call.params["Delete"].get("Quiet")
        return {"Deleted": [] if quiet else [_told(*row) for row in deleted], "Errors": errors}


def _entries(call: Call) -> Sequence[Entry]:
    entries = (call.params.get("Delete") or {}).get("Objects")
    if not entries:
        message = "The XML you provided was not well-formed or did not validate against our published schema"
        raise AwsError("MalformedXML", message)
    return entries


def _error(entry: Entry, message: str) -> Mapping[str, str]:
    version = {"VersionId": entry["VersionId"]} if entry.get("VersionId") else {}
    return {"Key": entry["Key"], **version, "Code": "AccessDenied", "Message": message}


def _told(key: str, version: str | None, marker: str | None) -> Mapping[str, Any]:
    row: dict[str, Any] = {"Key": key}
    if version:
        row["VersionId"] = version
    if marker:
        row |= {"DeleteMarker": True, "DeleteMarkerVersionId": marker}
    return row
