"""What SageMaker looks at in S3 while it answers a request, with the execution role's own permissions."""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from localcloud.aws.sagemaker import clients, in_process
from localcloud.aws.sagemaker.backend import RoleCredentials
from localcloud.aws.sagemaker.in_process import WsgiApplication


class Found(enum.Enum):
    """What came of looking for an object."""

    YES = "yes"
    NO = "no"
    REFUSED = "refused"


class StorageProbe(Protocol):
    """Looks into S3 with a role's keys."""

    def has_input(self, credentials: RoleCredentials, region: str, bucket: str, prefix: str) -> bool:
        """Whether any object is listed under a prefix; no is also the answer where listing is refused."""
        ...

    def has_object(self, credentials: RoleCredentials, region: str, bucket: str, key: str) -> Found: ...


class S3Probe:
    """Looks through the endpoint itself.

    Args:
        endpoint: where S3 serves.
        application: the endpoint's application, when this runs inside it: called without a socket.
    """

    def __init__(self, endpoint: Callable[[], str], application: WsgiApplication | None = None) -> None:
        self._endpoint = endpoint
        self._application = application

    def has_input(self, credentials: RoleCredentials, region: str, bucket: str, prefix: str) -> bool:
        try:
            answer = self._client(credentials, region).list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=1)
        except (ClientError, BotoCoreError):
            return False
        return bool(answer.get("KeyCount"))

    def has_object(self, credentials: RoleCredentials, region: str, bucket: str, key: str) -> Found:
        try:
            self._client(credentials, region).head_object(Bucket=bucket, Key=key)
        except ClientError as error:
            missing = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") == 404
            return Found.NO if missing else Found.REFUSED
        except BotoCoreError:
            return Found.REFUSED
        return Found.YES

    def _client(self, credentials: RoleCredentials, region: str) -> Any:
        client = clients.client("s3", self._endpoint(), region, credentials)
        if self._application is not None:
            in_process.attach(client, self._application)
        return client
