"""Service Quotas: an account's quotas, its requests for higher ones, and new requests.

SageMaker has a quota for each instance type and each use of it; EC2 counts the vCPUs of a family of types. An account's
list lacks quotas that have never been changed, so AWS's list of defaults is read too.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import boto3
from botocore import xform_name
from botocore.exceptions import BotoCoreError, ClientError

STANDARD_FAMILIES = "acdhimrtz"  # first letters of the EC2 types that one quota of vCPUs covers
STANDARD_NODES = "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances"

OPEN = ("PENDING", "CASE_OPENED")
REFUSED = ("DENIED", "NOT_APPROVED", "INVALID_REQUEST")


class QuotaError(Exception):
    """Service Quotas could not be asked, or refused: boto3's error, and the action that was tried."""

    def __init__(self, cause: BotoCoreError | ClientError, permission: str) -> None:
        super().__init__(str(cause))
        self.cause, self.permission = cause, permission


@dataclass(frozen=True)
class Quota:
    """One quota of an account in one region."""

    service: str
    code: str
    name: str
    value: float


@dataclass(frozen=True)
class Request:
    """An increase that was asked for."""

    identity: str
    status: str
    desired: float


def transform(instance_type: str, region: str | None) -> Quota | None:
    """Return how many instances of a type transform jobs may use at once; None if SageMaker has no such quota.

    Raises:
        QuotaError: it cannot be read.
    """
    return _find("sagemaker", f"{instance_type} for transform job usage", region)


def standard_nodes(region: str | None) -> Quota | None:
    """Return how many vCPUs of the common EC2 families may run at once; None if there is no such quota.

    Raises:
        QuotaError: it cannot be read.
    """
    return _find("ec2", STANDARD_NODES, region)


def _find(service: str, name: str, region: str | None) -> Quota | None:
    for operation in ("ListServiceQuotas", "ListAWSDefaultServiceQuotas"):
        for row in _rows(operation, region, "Quotas", ServiceCode=service):
            if row["QuotaName"] == name:
                return Quota(service, row["QuotaCode"], name, row["Value"])
    return None


def latest_request(quota: Quota, region: str | None) -> Request | None:
    """Return the newest increase that was asked for.

    Raises:
        QuotaError: it cannot be read.
    """
    operation = "ListRequestedServiceQuotaChangeHistoryByQuota"
    rows = _rows(operation, region, "RequestedQuotas", ServiceCode=quota.service, QuotaCode=quota.code)
    newest = max(rows, key=lambda row: row["Created"], default=None)
    return _request(newest) if newest else None


def ask_for(quota: Quota, value: float, region: str | None) -> Request:
    """Ask AWS for an increase; it takes AWS from minutes to days.

    Raises:
        QuotaError: AWS did not take the request.
    """
    wanted = {"ServiceCode": quota.service, "QuotaCode": quota.code, "DesiredValue": value}
    with _asking("RequestServiceQuotaIncrease", region) as client:
        return _request(client.request_service_quota_increase(**wanted)["RequestedQuota"])


def _rows(operation: str, region: str | None, member: str, **asked: str) -> Iterator[dict[str, Any]]:
    with _asking(operation, region) as client:
        for page in client.get_paginator(xform_name(operation)).paginate(**asked):
            yield from page[member]


@contextmanager
def _asking(operation: str, region: str | None) -> Generator[Any]:
    try:
        yield boto3.client("service-quotas", region_name=region)
    except (BotoCoreError, ClientError) as error:
        raise QuotaError(error, f"servicequotas:{operation}") from error


def _request(row: dict[str, Any]) -> Request:
    return Request(row["Id"], row["Status"], row["DesiredValue"])
