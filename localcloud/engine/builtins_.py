"""Functions that the engine answers itself."""

from __future__ import annotations

from localcloud.engine.deployment import Deployment
from localcloud.engine.errors import RegistrationError, UnsupportedError
from localcloud.engine.provider import Invoked
from localcloud.engine.values import Properties


def invoke(token: str, arguments: Properties, deployment: Deployment) -> Invoked:
    """Answer `pulumi:pulumi:getResource`, by which the SDK fills in resource references."""
    if token != "pulumi:pulumi:getResource":  # noqa: S105  a function's token
        raise UnsupportedError(f"the function {token}")
    urn = arguments.get("urn")
    resource = deployment.states.get(str(urn))
    if resource is None:
        raise RegistrationError(f"unknown resource {urn}")
    answer: Properties = {"urn": resource.urn, "id": resource.id, "state": resource.outputs}
    if resource.provider:
        answer["provider"] = resource.provider
    return Invoked(answer, [])
