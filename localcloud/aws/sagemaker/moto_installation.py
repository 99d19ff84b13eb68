"""Puts SageMaker's operations into plain moto, for whoever runs moto without the endpoint's gateway."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from moto.core.responses import ActionResult
from moto.core.utils import camelcase_to_underscores
from moto.sagemaker.exceptions import SagemakerClientError
from moto.sagemaker.responses import SageMakerResponse

from localcloud.aws.sagemaker.faults import SageMakerError
from localcloud.aws.sagemaker.service import SageMaker


def install(service: SageMaker) -> None:
    """Replace moto's record-only SageMaker operations by ours."""
    for name in service.names:
        setattr(SageMakerResponse, camelcase_to_underscores(name), _method(service, name))


def _method(service: SageMaker, operation: str) -> Callable[[Any], ActionResult]:
    def respond(response: Any) -> ActionResult:
        try:
            return ActionResult(service.answer(operation, response.region, response.params))
        except SageMakerError as error:
            raise SagemakerClientError(error.code, error.message) from error

    return respond
