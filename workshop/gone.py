"""Whether EKS says that a cluster is gone, so that `make destroy` may remove its objects from the state.

A cluster that cannot be reached is not gone, nor is one that another account or region does not know: the caller's account
must be the cluster's, and EKS in the cluster's region must have answered that there is no such cluster.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import boto3
from botocore.exceptions import BotoCoreError, ClientError

GONE, NOT_KNOWN_TO_BE_GONE = 0, 1


def main(arguments: Sequence[str]) -> int:
    """Exit code 0 when EKS says that the cluster of this ARN is gone, else 1."""
    (arn,) = arguments
    try:
        return GONE if is_gone(arn) else NOT_KNOWN_TO_BE_GONE
    except (BotoCoreError, ClientError):
        return NOT_KNOWN_TO_BE_GONE  # destroy itself says what is wrong with the credentials


def is_gone(arn: str) -> bool:
    """Ask EKS, as an identity of the cluster's own account.

    Args:
        arn: the cluster's, such as `arn:aws:eks:us-east-1:111122223333:cluster/batch-workshop`.
    """
    _, _, _, region, account, resource = arn.split(":", 5)
    if boto3.client("sts", region_name=region).get_caller_identity()["Account"] != account:
        return False
    try:
        boto3.client("eks", region_name=region).describe_cluster(name=resource.partition("/")[2])
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        return True
    return False


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
