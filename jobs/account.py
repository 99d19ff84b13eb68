"""What the program asks AWS about its own jobs, before anything is created and while they run.

If AWS does not answer, or the deployer lacks the permission, nothing is known, and a job is never refused for that.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from lookups import s3

UNKNOWN_MODEL = "Could not find model"  # how SageMaker starts the message; the error's code is a general one


def model_exists(name: str, region: str) -> bool:
    """Say whether SageMaker has a model of this name; True if that is not known."""
    try:
        connect(region).describe_model(ModelName=name)
    except ClientError as error:
        return not error.response.get("Error", {}).get("Message", "").startswith(UNKNOWN_MODEL)
    except BotoCoreError:
        pass
    return True


def connect(region: str) -> Any:
    """Return a SageMaker client with a session of its own, since boto3's default session is not safe for several threads.

    Raises:
        BotoCoreError: there are no credentials, or the configuration is wrong.
    """
    return boto3.Session().client("sagemaker", region_name=region)


def read_head(uri: str, size: int) -> bytes:
    """Return the first bytes of an S3 object; an empty string if they cannot be read."""
    try:
        return s3.read_head(uri, size)
    except s3.S3Error:
        return b""


@dataclass(frozen=True)
class Account:
    """The lookups that declarations need; tests pass their own.

    Attributes:
        list_objects: gives the objects whose keys start with an S3 URI's.
        read_head: gives the first bytes of an object.
        model_exists: says whether a region has a model of a name.
    """

    list_objects: Callable[[str], Sequence[s3.S3Object]] = s3.list_objects
    read_head: Callable[[str, int], bytes] = read_head
    model_exists: Callable[[str, str], bool] = lambda name, region: model_exists(name, region)  # noqa: PLW0108  looked up when called
