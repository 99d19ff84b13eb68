"""moto, which keeps plain AWS state, and the changes that we make in it."""

from __future__ import annotations

from typing import Any, cast

from moto.backends import get_backend


def backend(service: str, account_id: str, region: str = "aws") -> Any:
    """Moto's state of a service, loaded when it is first needed. Hold the service's lock (`Upstream.lock`) to use it.

    Args:
        service: e.g. `ec2`.
        account_id: the local account.
        region: a region; `aws` for the services that have one state for all regions (IAM, S3).
    """
    return cast("Any", get_backend)(service)[account_id][region]
