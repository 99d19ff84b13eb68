"""SageMaker as the AWS endpoint uses it: one call to make it, `operations()` for the gateway, `transforms.warm()` when
it serves, `transforms.close()` at the end.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from localcloud.aws.sagemaker.backend import RoleSessions, TransformBackend
from localcloud.aws.sagemaker.in_process import WsgiApplication
from localcloud.aws.sagemaker.probe import S3Probe
from localcloud.aws.sagemaker.service import SageMaker
from localcloud.aws.sagemaker.workers import LocalTransforms


def local_sagemaker(
    home: Path,
    account_id: str,
    endpoint: Callable[[], str],
    application: WsgiApplication,
    sessions: RoleSessions,
    announced: Callable[[TransformBackend], TransformBackend],
) -> SageMaker:
    """SageMaker with jobs that run on this machine.

    Args:
        home: folder of the generated state.
        account_id: the local account.
        endpoint: where the endpoint serves; asked from the first job on.
        application: the endpoint's WSGI application; what SageMaker asks of S3 while it answers goes through it, with
            the execution role's keys, so that the role's permissions hold.
        sessions: assumes execution roles as sagemaker.amazonaws.com.
        announced: puts around what runs jobs what tells of their changes.
    """
    transforms = announced(LocalTransforms(home, endpoint))
    return SageMaker(account_id, home, transforms, sessions, S3Probe(endpoint, application))
