"""A resource monitor that records what components register, and answers as if all of it was created."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime.proto import engine_pb2_grpc, provider_pb2, resource_pb2, resource_pb2_grpc

from localcloud.pulumi.wire import decode, encode
from tests.localcloud.pulumi.engine import PROJECT, STACK

CLUSTER_OUTPUTS = {
    "arn": "arn:aws:eks:eu-west-1:123456789012:cluster/c",
    "endpoint": "https://127.0.0.1:1",
    "certificateAuthority": {"data": "Q0E="},
    "identities": [{"oidcs": [{"issuer": "https://oidc.example.com/id/X"}]}],
    "vpcConfig": {"clusterSecurityGroupId": "sg-1"},
    "upgradePolicy": {"supportType": "STANDARD"},
}


class Engine(engine_pb2_grpc.EngineServicer):
    """Takes log lines, and keeps them."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def serve(self) -> tuple[Any, str]:
        server = grpc.server(ThreadPoolExecutor(8))
        engine_pb2_grpc.add_EngineServicer_to_server(self, server)
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        return server, f"127.0.0.1:{port}"

    def Log(self, request: Any, context: Any) -> Any:  # noqa: N802  gRPC's name
        self.lines.append(request.message)
        return empty_pb2.Empty()


@dataclass
class Registered:
    """One resource as it was registered."""

    urn: str
    type: str
    name: str
    parent: str
    inputs: dict[str, Any]
    dependencies: set[str]
    ignored: list[str]
    version: str
    provider: str
    remote: bool


@dataclass
class Monitor(resource_pb2_grpc.ResourceMonitorServicer):
    """Answers every registration; `preview` as a preview does.

    Args:
        preview: whether ids and computed outputs are unknown.
    """

    preview: bool = False
    resources: dict[str, Registered] = field(default_factory=dict)
    outputs: dict[str, dict[str, Any]] = field(default_factory=dict)
    invokes: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def serve(self) -> tuple[Any, str]:
        server = grpc.server(ThreadPoolExecutor(64))
        resource_pb2_grpc.add_ResourceMonitorServicer_to_server(self, server)
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        return server, f"127.0.0.1:{port}"

    def GetDeploymentInfo(self, request: Any, context: Any) -> Any:  # noqa: N802  gRPC's name
        info = resource_pb2.DeploymentInfo(project=PROJECT, stack=STACK, organization="organization")
        info.supportedFeatures.extend(range(12))  # pyright: ignore[reportArgumentType]  numbers of an enum
        info.dryRun = self.preview
        return info

    def SupportsFeature(self, request: Any, context: Any) -> Any:  # noqa: N802  gRPC's name
        return resource_pb2.SupportsFeatureResponse(hasSupport=True)

    def RegisterResource(self, request: Any, context: Any) -> Any:  # noqa: N802  gRPC's name
        urn = f"urn:pulumi:{STACK}::{PROJECT}::{request.type}::{request.name}"
        inputs = decode(request.object).values
        with self._lock:
            self.resources[urn] = Registered(
                urn,
                request.type,
                request.name,
                request.parent,
                inputs,
                set(request.dependencies),
                list(request.ignoreChanges),
                request.version,
                request.provider,
                request.remote,
            )
            self.outputs[urn] = self._outputs_of(request.type, request.name, inputs)
        return resource_pb2.RegisterResourceResponse(
            urn=urn,
            id="" if self.preview or not request.custom else f"id-{request.name}",
            object=encode(self.outputs[urn]),
        )

    def _outputs_of(self, token: str, name: str, inputs: dict[str, Any]) -> dict[str, Any]:
        if self.preview:
            return inputs
        extra = CLUSTER_OUTPUTS if token == "aws:eks/cluster:Cluster" else {"arn": f"arn:{name}", "name": f"n-{name}"}
        return {**inputs, **extra, **({"name": inputs["name"]} if "name" in inputs else {})}

    def RegisterResourceOutputs(self, request: Any, context: Any) -> Any:  # noqa: N802  gRPC's name
        with self._lock:
            self.outputs[request.urn] = {"raw": request.outputs}
        return empty_pb2.Empty()

    def Invoke(self, request: Any, context: Any) -> Any:  # noqa: N802  gRPC's name
        self.invokes.append(request.tok)
        arguments = decode(request.args).values
        answer = provider_pb2.InvokeResponse()
        result = getattr(answer, "return")
        if request.tok == "pulumi:pulumi:getResource":
            self._existing(arguments["urn"], result)
        else:
            found = {"partition": "aws"} if "Partition" in request.tok else {"version": f"v-{arguments['addonName']}"}
            result.CopyFrom(encode(found))
        return answer

    def _existing(self, urn: str, result: struct_pb2.Struct) -> None:
        state = self.outputs[urn]
        result.fields["urn"].string_value = urn
        result.fields["id"].string_value = f"id-{self.resources[urn].name}"
        struct = state["raw"] if "raw" in state else encode(state)
        result.fields["state"].struct_value.CopyFrom(struct)
