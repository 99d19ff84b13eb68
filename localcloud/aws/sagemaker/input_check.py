"""Whether a job's input exists, seen with the execution role's own permissions."""

from __future__ import annotations

from collections.abc import Callable

from botocore.exceptions import BotoCoreError, ClientError

from localcloud.aws.sagemaker import clients, in_process
from localcloud.aws.sagemaker.backend import RoleCredentials
from localcloud.aws.sagemaker.in_process import WsgiApplication

InputCheck = Callable[[RoleCredentials, str, str, str], bool]
"""Whether an object is there: credentials, region, bucket and key prefix in."""


def listing(endpoint: Callable[[], str], application: WsgiApplication | None = None) -> InputCheck:
    """A check that lists the prefix.

    Args:
        endpoint: where S3 serves.
        application: the endpoint itself, when this runs inside it: called without a socket.
    """

    def check(credentials: RoleCredentials, region: str, bucket: str, prefix: str) -> bool:
        client = clients.client("s3", endpoint(), region, credentials)
        if application is not None:
            in_process.attach(client, application)
        try:
            return bool(client.list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=1).get("KeyCount"))
        except (ClientError, BotoCoreError):
            return False

    return check
