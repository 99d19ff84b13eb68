"""The gRPC side of the provider `eks`: components only, served by the SDK's own component host."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import grpc
import pulumi
from google.protobuf import empty_pb2
from pulumi.errors import InputPropertiesError, RunError
from pulumi.provider.provider import ConstructResult
from pulumi.provider.provider import Provider as SdkProvider
from pulumi.provider.server import ProviderServicer
from pulumi.runtime.proto import provider_pb2

from localcloud.pulumi.eks import cluster, nodegroup
from localcloud.pulumi.eks.children import package_version
from localcloud.pulumi.errors import NotRegisteredError
from localcloud.pulumi.server import NO_SCHEMA, require_registered
from localcloud.pulumi.wire import Urn


class EksProvider(SdkProvider):
    """Creates the components."""

    def __init__(self) -> None:
        super().__init__(package_version("eks"), '{"name": "eks"}')

    def construct(
        self, name: str, resource_type: str, inputs: Mapping[str, Any], options: pulumi.ResourceOptions | None = None
    ) -> ConstructResult:
        if resource_type == cluster.TOKEN:
            made = cluster.Cluster(name, inputs, options)
            return ConstructResult(made.urn, made.state)
        if resource_type == nodegroup.TOKEN:
            group = nodegroup.ManagedNodeGroup(name, inputs, options)
            return ConstructResult(group.urn, group.state)
        known = f"{cluster.TOKEN}, {nodegroup.TOKEN}"
        raise ValueError(f"the local cloud's eks plugin has no component {resource_type}; it has {known}")


class EksServicer(ProviderServicer):
    """The SDK's host with the handshake, configuration, the check of the stack, and errors in one line, which it lacks."""

    async def Handshake(self, request: Any, context: Any) -> Any:
        return provider_pb2.ProviderHandshakeResponse(accept_secrets=True, accept_resources=True, accept_outputs=True)

    async def GetSchema(self, request: Any, context: Any) -> Any:
        await context.abort(grpc.StatusCode.UNIMPLEMENTED, NO_SCHEMA)

    async def CheckConfig(self, request: Any, context: Any) -> Any:
        return provider_pb2.CheckResponse(inputs=request.news)

    async def DiffConfig(self, request: Any, context: Any) -> Any:
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE)

    async def Attach(self, request: Any, context: Any) -> Any:
        return empty_pb2.Empty()

    async def Invoke(self, request: Any, context: Any) -> Any:
        await context.abort(grpc.StatusCode.NOT_FOUND, f"the local cloud's eks plugin has no function {request.tok}")

    async def Construct(self, request: Any, context: Any) -> Any:
        about = f"constructing {request.type} {request.name}"
        try:
            require_registered(Urn(request.stack, request.project, request.type, request.name))
            return await self._construct(request, context)
        except InputPropertiesError as e:
            status = self.create_grpc_invalid_properties_status(e.message, e.errors)
            await context.abort_with_status(status)
        except RunError as e:  # the engine is stopping, and reports the reason itself
            await context.abort(grpc.StatusCode.UNAVAILABLE, str(e))
        except grpc.RpcError as e:  # a call to the engine failed: it has reported why, and this line names the resource
            await context.abort(e.code(), f"{about}: {e.details()}")  # pyright: ignore[reportAttributeAccessIssue]  a Call
        except NotRegisteredError as e:
            await context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(e))
        except Exception as e:  # noqa: BLE001  any error must reach the engine as one line
            await context.abort(grpc.StatusCode.UNKNOWN, f"{about}: {e}")

    async def Cancel(self, request: Any, context: Any) -> Any:
        return empty_pb2.Empty()
