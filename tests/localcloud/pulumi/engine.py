"""A tiny engine: the calls that Pulumi makes to a plugin, over gRPC."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf import struct_pb2
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from localcloud.pulumi.wire import decode, encode

PROJECT, STACK = "sagemaker-batch-workshop", "local"


def urn(token: str, name: str, stack: str = STACK) -> str:
    return f"urn:pulumi:{stack}::{PROJECT}::{token}::{name}"


class Failed(Exception):  # noqa: N818  reads as what happened: `pytest.raises(Failed)`
    """The plugin answered with an error."""

    def __init__(self, error: Any) -> None:
        super().__init__(error.details())
        self.code = error.code()


@dataclass
class Resource:
    """A resource as the state holds it."""

    token: str
    name: str
    inputs: dict[str, Any]
    id: str = ""
    outputs: dict[str, Any] = field(default_factory=dict)

    @property
    def urn(self) -> str:
        return urn(self.token, self.name)


class Plugin:
    """A client of one plugin process."""

    def __init__(self, port: int) -> None:
        self.channel = grpc.insecure_channel(f"127.0.0.1:{port}", options=[("grpc.enable_http_proxy", 0)])
        self.stub = provider_pb2_grpc.ResourceProviderStub(self.channel)

    def call(self, method: str, request: Any) -> Any:
        try:
            return getattr(self.stub, method)(request, timeout=120)
        except grpc.RpcError as e:
            raise Failed(e) from None

    def close(self) -> None:
        self.channel.close()

    def configure(self, **values: Any) -> None:
        self.call("Handshake", provider_pb2.ProviderHandshakeRequest(engine_address="127.0.0.1:1"))
        self.call("Configure", provider_pb2.ConfigureRequest(args=encode(values), acceptSecrets=True))

    def check(
        self, token: str, name: str, inputs: dict[str, Any], old: dict[str, Any] | None = None, stack: str = STACK
    ) -> tuple[dict[str, Any], dict[str, str]]:
        seed = secrets.token_bytes(32)
        answer = self.call(
            "Check",
            provider_pb2.CheckRequest(
                urn=urn(token, name, stack), news=encode(inputs), olds=encode(old or {}), randomSeed=seed
            ),
        )
        return decode(answer.inputs).values, {f.property: f.reason for f in answer.failures}

    def create(self, token: str, name: str, inputs: dict[str, Any], timeout: float = 0) -> Resource:
        checked, failures = self.check(token, name, inputs)
        assert not failures, failures
        planned = self.plan_create(token, name, checked)
        request = provider_pb2.CreateRequest(urn=urn(token, name), properties=encode(checked), timeout=timeout)
        answer = self.call("Create", request)
        assert answer.id
        outputs = decode(answer.properties).values
        assert planned.keys() >= checked.keys()
        return Resource(token, name, checked, answer.id, outputs)

    def plan_create(self, token: str, name: str, inputs: dict[str, Any]) -> dict[str, Any]:
        request = provider_pb2.CreateRequest(urn=urn(token, name), properties=encode(inputs), preview=True)
        return decode(self.call("Create", request).properties).values

    def read(self, resource: Resource) -> Resource | None:
        answer = self.call(
            "Read",
            provider_pb2.ReadRequest(
                id=resource.id,
                urn=resource.urn,
                properties=encode(resource.outputs),
                inputs=encode(resource.inputs),
            ),
        )
        if not answer.id:
            return None
        return Resource(
            resource.token, resource.name, decode(answer.inputs).values, answer.id, decode(answer.properties).values
        )

    def diff(self, resource: Resource, inputs: dict[str, Any], ignore: tuple[str, ...] = ()) -> Any:
        return self.call(
            "Diff",
            provider_pb2.DiffRequest(
                id=resource.id,
                urn=resource.urn,
                olds=encode(resource.outputs),
                old_inputs=encode(resource.inputs),
                news=encode(inputs),
                ignoreChanges=ignore,
            ),
        )

    def update(self, resource: Resource, inputs: dict[str, Any], *, preview: bool = False) -> Resource:
        checked, failures = self.check(resource.token, resource.name, inputs, resource.inputs)
        assert not failures, failures
        answer = self.call(
            "Update",
            provider_pb2.UpdateRequest(
                id=resource.id,
                urn=resource.urn,
                olds=encode(resource.outputs),
                old_inputs=encode(resource.inputs),
                news=encode(checked),
                preview=preview,
            ),
        )
        return Resource(resource.token, resource.name, checked, resource.id, decode(answer.properties).values)

    def delete(self, resource: Resource) -> None:
        self.call(
            "Delete",
            provider_pb2.DeleteRequest(
                id=resource.id,
                urn=resource.urn,
                properties=encode(resource.outputs),
                old_inputs=encode(resource.inputs),
            ),
        )

    def invoke(self, token: str, arguments: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
        answer = self.call("Invoke", provider_pb2.InvokeRequest(tok=token, args=encode(arguments)))
        result: struct_pb2.Struct = getattr(answer, "return")
        return decode(result).values, {f.property: f.reason for f in answer.failures}
