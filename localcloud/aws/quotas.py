"""Service Quotas: the quotas that a deployment of the stack reads.

HOME/quotas.json sets values by the quota's name, e.g. {"ml.m5.large for transform job usage": 0}. It is read again for each
request, so that a quota can be changed while the endpoint runs. SageMaker enforces the quotas that are set there.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from localcloud.aws.protocol import validation
from localcloud.aws.protocol.wire import AwsError, Call, Operation

_FAMILIES = ("m4", "m5", "m6i", "c4", "c5", "c6i", "r6i")
_SIZES = ("large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge")
_SERVICES = {
    "sagemaker": "Amazon SageMaker",
    "ec2": "Amazon Elastic Compute Cloud (Amazon EC2)",
    "vpc": "Amazon Virtual Private Cloud (Amazon VPC)",
    "eks": "Amazon Elastic Kubernetes Service (Amazon EKS)",
}
# name -> (code, default value)
_PLAIN: Mapping[str, Mapping[str, tuple[str, float]]] = {
    "ec2": {"Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances": ("L-1216C47A", 64.0)},
    "vpc": {
        "VPCs per Region": ("L-F678F1CE", 5.0),
        "Internet gateways per Region": ("L-A4707A72", 5.0),
        "Gateway VPC endpoints per Region": ("L-1B52E74A", 20.0),
    },
    "eks": {"Clusters": ("L-1194D53C", 100.0), "Managed node groups per cluster": ("L-6D54EA21", 30.0)},
}
_DEFAULT_TRANSFORM = 20.0
# The members of a request for an increase that are those of its quota.
_COPIED = ("ServiceCode", "ServiceName", "QuotaArn", "QuotaCode", "QuotaName", "GlobalQuota", "Unit")


class Quotas:
    """The operations of Service Quotas, and the limits that SageMaker enforces.

    Args:
        home: folder of the generated state, with quotas.json.
    """

    def __init__(self, home: Path) -> None:
        self._file = home / "quotas.json"
        self._asked: list[Mapping[str, Any]] = []

    def operations(self) -> Mapping[str, Operation]:
        return {
            "ListServiceQuotas": lambda call: _page(self._rows(call, self._set_values()), call.params),
            "GetServiceQuota": lambda call: {"Quota": self._find(call, self._set_values())},
            "ListAWSDefaultServiceQuotas": lambda call: _page(self._rows(call, {}), call.params),
            "GetAWSDefaultServiceQuota": lambda call: {"Quota": self._find(call, {})},
            "RequestServiceQuotaIncrease": self.ask,
            "ListRequestedServiceQuotaChangeHistoryByQuota": self.list_asked,
        }

    def transform_limit(self, instance_type: str) -> int | None:
        """Return how many instances of a type transform jobs may use at once; None for no limit."""
        limit = self._set_values().get(_transform_quota(instance_type))
        return None if limit is None else int(limit)

    def ask(self, call: Call) -> Mapping[str, Any]:
        """Record a request for an increase. It stays pending while the cloud runs: only quotas.json changes a quota."""
        quota, wanted = self._find(call, self._set_values()), float(call.params["DesiredValue"])
        if wanted <= quota["Value"]:
            raise AwsError("IllegalArgumentException", "The quota value must be greater than the current quota value.")
        if any(row["QuotaCode"] == quota["QuotaCode"] for row in self._asked):
            raise AwsError(
                "ResourceAlreadyExistsException", "Only one open service quota increase request is allowed per quota."
            )
        now = datetime.now(UTC)
        asked = {
            "Id": uuid.uuid4().hex,
            "DesiredValue": wanted,
            "Status": "PENDING",
            "Created": now,
            "LastUpdated": now,
            "Requester": call.principal.arn,
            **{name: quota[name] for name in _COPIED},
        }
        self._asked.append(asked)
        return {"RequestedQuota": asked}

    def list_asked(self, call: Call) -> Mapping[str, Any]:
        code = call.params["QuotaCode"]
        return {"RequestedQuotas": [row for row in self._asked if row["QuotaCode"] == code]}

    def _find(self, call: Call, values: Mapping[str, float]) -> Mapping[str, Any]:
        code = call.params["QuotaCode"]
        for row in self._rows(call, values):
            if row["QuotaCode"] == code:
                return row
        raise _no_such(f"The local cloud has no quota {code} of {call.params['ServiceCode']}.")

    def _rows(self, call: Call, values: Mapping[str, float]) -> list[Mapping[str, Any]]:
        service = call.params["ServiceCode"]
        if service not in _SERVICES:
            raise _no_such(f"The local cloud has no quotas of service {service}.")
        known = _transform_quotas() if service == "sagemaker" else _PLAIN[service]
        prefix = f"arn:aws:servicequotas:{call.region}:{call.principal.account_id}:{service}/"
        return [
            {
                "ServiceCode": service,
                "ServiceName": _SERVICES[service],
                "QuotaArn": f"{prefix}{code}",
                "QuotaCode": code,
                "QuotaName": name,
                "Value": float(values.get(name, default)),
                "Unit": "None",
                "Adjustable": True,
                "GlobalQuota": False,
                "QuotaAppliedAtLevel": "ACCOUNT",
            }
            for name, (code, default) in known.items()
        ]

    def _set_values(self) -> Mapping[str, float]:
        try:
            values = json.loads(self._file.read_text())
        except (OSError, ValueError):
            return {}
        if not isinstance(values, dict):
            return {}
        return {str(name): float(value) for name, value in values.items() if isinstance(value, int | float)}


def _transform_quotas() -> Mapping[str, tuple[str, float]]:
    names = [_transform_quota(f"ml.{family}.{size}") for family in _FAMILIES for size in _SIZES]
    return {name: (_code(name), _DEFAULT_TRANSFORM) for name in names}


def _transform_quota(instance_type: str) -> str:
    return f"{instance_type} for transform job usage"


def _code(name: str) -> str:
    """Return a code that follows from the quota's name, because AWS publishes no list of these quotas' codes."""
    return "L-" + hashlib.sha256(name.encode()).hexdigest()[:8].upper()


def _page(rows: list[Mapping[str, Any]], params: Mapping[str, Any]) -> Mapping[str, Any]:
    return validation.page("Quotas", rows, params, "InvalidPaginationTokenException")


def _no_such(message: str) -> AwsError:
    return AwsError("NoSuchResourceException", message)
