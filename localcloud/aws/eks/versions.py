"""The Kubernetes versions that EKS offers, as of a fixed day, so that what was tested stays supported."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from localcloud.aws.eks.store import Record, invalid, page
from localcloud.aws.protocol.wire import Call

AS_OF = datetime(2026, 11, 27, tzinfo=UTC)
DEFAULT_VERSION = "1.35"
_DAY = "%Y-%m-%d"
# version -> (released by EKS, end of standard support, end of extended support); Amazon EKS release calendar.
_CALENDAR = {
    "1.36": ("2026-05-27", "2027-07-27", "2028-07-27"),
    "1.35": ("2026-01-27", "2027-03-27", "2028-03-27"),
    "1.34": ("2025-10-02", "2026-12-02", "2027-12-02"),
    "1.33": ("2025-05-29", "2026-07-29", "2027-07-29"),
    "1.32": ("2025-01-23", "2026-03-23", "2027-03-23"),
}


def status_of(version: str, moment: datetime = AS_OF) -> str:
    """STANDARD_SUPPORT, EXTENDED_SUPPORT or UNSUPPORTED at a moment."""
    if version not in _CALENDAR:
        return "UNSUPPORTED"
    _, standard, extended = (_day(text) for text in _CALENDAR[version])
    if moment < standard:
        return "STANDARD_SUPPORT"
    return "EXTENDED_SUPPORT" if moment < extended else "UNSUPPORTED"


def check(version: str) -> None:
    """Refuse a version that EKS does not offer."""
    if status_of(version) == "UNSUPPORTED":
        raise invalid(f"unsupported Kubernetes version {version}")


def describe_cluster_versions(call: Call) -> Mapping[str, Any]:
    params = call.params
    wanted = params.get("clusterVersions")
    status = params.get("versionStatus") or str(params.get("status") or "").upper()
    rows = [_describe(version) for version in _CALENDAR]
    rows = [
        row
        for row in rows
        if (not wanted or row["clusterVersion"] in wanted)
        and (not status or row["versionStatus"] == status)
        and (not params.get("defaultOnly") or row["defaultVersion"])
        and (params.get("includeAll") or status or wanted or row["versionStatus"] != "UNSUPPORTED")
    ]
    listed = page([row["clusterVersion"] for row in rows], params, "clusterVersions")
    return {**listed, "clusterVersions": [row for row in rows if row["clusterVersion"] in listed["clusterVersions"]]}


def _describe(version: str) -> Record:
    released, standard, extended = (_day(text) for text in _CALENDAR[version])
    status = status_of(version)
    return {
        "clusterVersion": version,
        "clusterType": "eks",
        "defaultPlatformVersion": "eks.9",
        "defaultVersion": version == DEFAULT_VERSION,
        "releaseDate": released,
        "endOfStandardSupportDate": standard,
        "endOfExtendedSupportDate": extended,
        "status": status.lower(),
        "versionStatus": status,
        "kubernetesPatchVersion": f"{version}.4",
    }


def _day(text: str) -> datetime:
    return datetime.strptime(text, _DAY).replace(tzinfo=UTC)
