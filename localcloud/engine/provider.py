"""A resource provider as the engine calls it: one method for each RPC, values in and out."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2
from pulumi.runtime.proto.provider_pb2_grpc import ResourceProviderStub

from localcloud.engine import rpc_errors, urns, wire
from localcloud.engine.config import as_text
from localcloud.engine.errors import PluginError, ProviderError
from localcloud.engine.plugins import Plugin
from localcloud.engine.values import UNKNOWN, Properties, has_unknowns, mark_secrets, plain
from localcloud.engine.wire import Peer


class PartialFailureError(ProviderError):
    """The object exists, but did not become ready."""

    def __init__(self, reasons: list[str], identifier: str, outputs: Properties, inputs: Properties) -> None:
        super().__init__("\n".join(["resource partially created but read or update failed", *reasons]))
        self.reasons = reasons
        self.id = identifier
        self.outputs = outputs
        self.inputs = inputs


@dataclass(frozen=True, slots=True)
class CheckFailure:
    property: str
    reason: str


@dataclass(slots=True)
class Diff:
    """How new inputs differ from a resource's state. `detailed` maps a path to (kind of change, whether of inputs)."""

    changes: bool | None = None  # None when the provider cannot tell
    replaces: list[str] = field(default_factory=list[str])
    diffs: list[str] = field(default_factory=list[str])
    stables: list[str] = field(default_factory=list[str])
    detailed: dict[str, tuple[str, bool]] = field(default_factory=dict[str, tuple[str, bool]])
    delete_before_replace: bool = False

    @property
    def replace(self) -> bool:
        return bool(self.replaces) or any(kind.endswith("-replace") for kind, _ in self.detailed.values())


KINDS = ("add", "add-replace", "delete", "delete-replace", "update", "update-replace")


@dataclass(frozen=True, slots=True)
class Invoked:
    """What an invoke or a call returned."""

    properties: Properties
    failures: list[CheckFailure]
    dependencies: dict[str, list[str]] = field(default_factory=dict[str, list[str]])


@dataclass(frozen=True, slots=True)
class ReadResult:
    """What is there now; an empty id when nothing is."""

    id: str
    outputs: Properties | None
    inputs: Properties | None
    init_errors: list[str] = field(default_factory=list[str])


class Provider:
    """A provider plugin, configured or about to be."""

    def __init__(self, package: str, plugin: Plugin) -> None:
        self.package = package
        self.plugin = plugin
        self.stub: Any = ResourceProviderStub(plugin.channel)
        self.secrets = self.references = self.outputs = False
        self.supports_preview = False
        self._handshaken = False
        self.configuration_unknown = False
        self._configured: Awaitable[None] | None = None

    # --- set-up

    async def handshake(self, engine_address: str, root: str, program: str) -> None:
        request = provider_pb2.ProviderHandshakeRequest(
            engine_address=engine_address,
            root_directory=root,
            program_directory=program,
            configure_with_urn=True,
            invoke_with_preview=True,
        )
        answer = await self._optional(self.stub.Handshake, request)
        if answer is not None:
            self._handshaken = self.supports_preview = True
            self.secrets, self.references = answer.accept_secrets, answer.accept_resources
            self.outputs = answer.accept_outputs

    async def attach(self, engine_address: str) -> None:
        await self._optional(self.stub.Attach, plugin_pb2.PluginAttach(address=engine_address))

    async def check_config(self, urn: str, olds: Properties, news: Properties) -> tuple[Properties, list[CheckFailure]]:
        request = provider_pb2.CheckRequest(
            urn=urn,
            name=urns.name_of(urn),
            type=urns.type_of(urn),
            olds=wire.encode(olds, _NO_SECRETS),
            news=wire.encode(news, _NO_SECRETS),
        )
        answer = await self._optional(self.stub.CheckConfig, request)
        if answer is None:
            return news, []
        inputs = mark_secrets(wire.decode(answer.inputs), news)
        return inputs, [CheckFailure(failure.property, failure.reason) for failure in answer.failures]

    async def diff_config(self, urn: str, old_inputs: Properties, old_outputs: Properties, news: Properties) -> Diff:
        request = provider_pb2.DiffRequest(
            urn=urn,
            name=urns.name_of(urn),
            type=urns.type_of(urn),
            olds=wire.encode(old_outputs, _NO_SECRETS),
            news=wire.encode(news, _NO_SECRETS),
            old_inputs=wire.encode(old_inputs, _NO_SECRETS),
        )
        answer = await self._optional(self.stub.DiffConfig, request)
        return _diff(answer) if answer is not None else Diff()

    async def configure(self, urn: str, identifier: str, inputs: Properties) -> None:
        """Configure the provider, unless something in its configuration is unknown."""
        if has_unknowns(inputs):
            self.configuration_unknown = True
            return
        variables = {
            f"{self.package}:config:{key}": text for key, text in _variables(inputs).items() if key != "version"
        }
        request = provider_pb2.ConfigureRequest(
            variables=variables,
            args=wire.encode(inputs),
            acceptSecrets=True,
            acceptResources=True,
            sends_old_inputs=True,
            sends_old_inputs_to_delete=True,
            id=identifier,
            urn=urn,
            name=urns.name_of(urn),
            type=urns.type_of(urn),
        )
        answer = await self._call(self.stub.Configure, request)
        if not self._handshaken:
            self.secrets, self.references = answer.acceptSecrets, answer.acceptResources
            self.outputs, self.supports_preview = answer.acceptOutputs, answer.supportsPreview

    def configured_by(self, configuring: Awaitable[None]) -> None:
        self._configured = configuring

    async def ready(self) -> None:
        """Wait until the provider is configured."""
        if self._configured is not None:
            await self._configured

    # --- resources

    async def check(
        self, urn: str, olds: Properties | None, news: Properties, *, preview: bool
    ) -> tuple[Properties, list[CheckFailure]]:
        await self.ready()
        if self.configuration_unknown:
            return news, []
        request = provider_pb2.CheckRequest(
            urn=urn,
            name=urns.name_of(urn),
            type=urns.type_of(urn),
            olds=wire.encode(olds or {}, self._news),
            news=wire.encode(news, self._news),
            randomSeed=os.urandom(32),
        )
        answer = await self._call(self.stub.Check, request)
        inputs = wire.decode(answer.inputs)
        if not self.secrets:
            inputs = mark_secrets(inputs, news)
        self._refuse_unknowns(inputs, "Check", urn, preview=preview)
        return inputs, [CheckFailure(failure.property, failure.reason) for failure in answer.failures]

    async def diff(  # noqa: PLR0917  what the call has
        self,
        urn: str,
        identifier: str,
        old_inputs: Properties,
        old_outputs: Properties,
        news: Properties,
        ignore: list[str],
    ) -> Diff | None:
        """The provider's diff; None when it cannot be asked because its configuration is not known yet."""
        await self.ready()
        if self.configuration_unknown:
            return None
        request = provider_pb2.DiffRequest(
            id=identifier,
            urn=urn,
            name=urns.name_of(urn),
            type=urns.type_of(urn),
            olds=wire.encode(old_outputs, self._olds),
            news=wire.encode(news, self._olds),
            old_inputs=wire.encode(old_inputs, self._olds),
            ignoreChanges=ignore,
        )
        return _diff(await self._call(self.stub.Diff, request))

    async def create(self, urn: str, inputs: Properties, seconds: float, *, preview: bool) -> tuple[str, Properties]:
        await self.ready()
        if preview and self.configuration_unknown:
            return "", {}
        if preview and not self.supports_preview:
            return "", inputs
        request = provider_pb2.CreateRequest(
            urn=urn,
            name=urns.name_of(urn),
            type=urns.type_of(urn),
            properties=wire.encode(inputs, self._news),
            timeout=seconds,
            preview=preview,
        )
        answer = await self._call(self.stub.Create, request, inputs)
        if not answer.id and not preview:
            raise ProviderError(f"the plugin {self.package} created {urn} but gave it no id")
        return answer.id, self._outputs(answer.properties, inputs)

    async def update(  # noqa: PLR0917  likewise
        self,
        urn: str,
        identifier: str,
        old_inputs: Properties,
        old_outputs: Properties,
        inputs: Properties,
        seconds: float,
        ignore: list[str],
        *,
        preview: bool,
    ) -> Properties:
        await self.ready()
        if preview and (self.configuration_unknown or not self.supports_preview):
            return {} if self.configuration_unknown else inputs
        request = provider_pb2.UpdateRequest(
            id=identifier,
            urn=urn,
            name=urns.name_of(urn),
            type=urns.type_of(urn),
            olds=wire.encode(old_outputs, self._olds),
            news=wire.encode(inputs, self._news),
            old_inputs=wire.encode(old_inputs, self._olds),
            timeout=seconds,
            ignoreChanges=ignore,
            preview=preview,
        )
        answer = await self._call(self.stub.Update, request, inputs)
        return self._outputs(answer.properties, inputs)

    async def delete(self, urn: str, identifier: str, inputs: Properties, outputs: Properties, seconds: float) -> None:
        await self.ready()
        request = provider_pb2.DeleteRequest(
            id=identifier,
            urn=urn,
            name=urns.name_of(urn),
            type=urns.type_of(urn),
            properties=wire.encode(outputs, self._olds),
            old_inputs=wire.encode(inputs, self._olds),
            timeout=seconds,
        )
        await self._call(self.stub.Delete, request)

    async def read(
        self, urn: str, identifier: str, inputs: Properties | None, state: Properties, seconds: float = 0.0
    ) -> ReadResult:
        await self.ready()
        if self.configuration_unknown:
            return ReadResult(identifier, {}, {})
        request = provider_pb2.ReadRequest(
            id=identifier,
            urn=urn,
            name=urns.name_of(urn),
            type=urns.type_of(urn),
            properties=wire.encode(state, self._olds),
            timeout=seconds,
        )
        if inputs is not None:
            request.inputs.CopyFrom(wire.encode(inputs, self._olds))
        try:
            answer = await self._call(self.stub.Read, request, state)
        except PartialFailureError as failure:
            outputs = failure.outputs if self.secrets else mark_secrets(failure.outputs, state)
            return ReadResult(failure.id or identifier, outputs, failure.inputs or None, failure.reasons)
        if not answer.id:
            return ReadResult("", None, None)
        outputs = self._outputs(answer.properties, state) if answer.HasField("properties") else None
        new_inputs = self._outputs(answer.inputs, inputs or {}) if answer.HasField("inputs") else None
        return ReadResult(answer.id, outputs, new_inputs)

    # --- functions and components

    async def invoke(self, token: str, arguments: Properties, *, preview: bool) -> Invoked:
        await self.ready()
        if self.configuration_unknown:
            return Invoked({}, [])
        request = provider_pb2.InvokeRequest(tok=token, args=wire.encode(arguments, self._news), preview=preview)
        answer = await self._call(self.stub.Invoke, request)
        failures = [CheckFailure(failure.property, failure.reason) for failure in answer.failures]
        return Invoked(wire.decode(getattr(answer, "return")), failures)

    async def construct(self, request: provider_pb2.ConstructRequest, inputs: Properties) -> Any:
        await self.ready()
        wire.fill(request.inputs, inputs, Peer(self.secrets, self.references, self.outputs))
        return await self._call(self.stub.Construct, request)

    async def call(self, request: provider_pb2.CallRequest, arguments: Properties) -> Invoked:
        await self.ready()
        wire.fill(request.args, arguments, Peer(self.secrets, self.references, self.outputs))
        answer = await self._call(self.stub.Call, request)
        failures = [CheckFailure(failure.property, failure.reason) for failure in answer.failures]
        dependencies = {key: list(each.urns) for key, each in answer.returnDependencies.items()}
        return Invoked(wire.decode(getattr(answer, "return"), outputs=True), failures, dependencies)

    async def cancel(self) -> None:
        """Ask the provider to give up what it is doing."""
        try:
            await self.stub.Cancel(empty_pb2.Empty(), timeout=2)
        except grpc.aio.AioRpcError:
            return

    # --- calls

    @property
    def _news(self) -> Peer:
        return Peer(self.secrets, self.references)

    @property
    def _olds(self) -> Peer:
        return Peer(self.secrets, self.references, asset_contents=False)

    def _outputs(self, struct: Any, like: Properties) -> Properties:
        outputs = wire.decode(struct)
        return outputs if self.secrets else mark_secrets(outputs, like)

    def _refuse_unknowns(self, values: Properties, method: str, urn: str, *, preview: bool) -> None:
        if not preview and has_unknowns(values):
            raise ProviderError(f"the plugin {self.package} answered {method} of {urn} with unknown values")

    async def _optional(self, method: Callable[..., Any], request: Any) -> Any | None:
        try:
            return await self._call(method, request)
        except _NotImplementedError:
            return None

    async def _call(self, method: Callable[..., Any], request: Any, like: Properties | None = None) -> Any:
        try:
            return await method(request)
        except grpc.aio.AioRpcError as error:
            raise await self._explain(error, like or {}) from error

    async def _explain(self, error: grpc.aio.AioRpcError, like: Properties) -> Exception:
        if error.code() == grpc.StatusCode.UNIMPLEMENTED:
            return _NotImplementedError(f"the plugin {self.package} does not implement this: {error.details()}")
        if error.code() == grpc.StatusCode.UNAVAILABLE:
            obituary = await self.plugin.obituary()
            return PluginError(obituary or f"the plugin {self.package} does not answer: {error.details()}")
        failure = rpc_errors.init_failure(error)
        if failure is not None:
            outputs = self._outputs(failure.properties, like)
            return PartialFailureError(list(failure.reasons), failure.id, outputs, wire.decode(failure.inputs))
        return ProviderError(
            rpc_errors.missing_keys(error) or error.details() or f"the plugin {self.package} failed ({error.code()})"
        )


class _NotImplementedError(ProviderError):
    """The provider lacks a method."""


_NO_SECRETS = Peer(secrets=False, references=False)


def _diff(answer: Any) -> Diff:
    changes = {provider_pb2.DiffResponse.DIFF_NONE: False, provider_pb2.DiffResponse.DIFF_SOME: True}
    return Diff(
        changes.get(answer.changes),
        list(answer.replaces),
        list(answer.diffs),
        list(answer.stables),
        {path: (KINDS[each.kind], each.inputDiff) for path, each in answer.detailedDiff.items()},
        answer.deleteBeforeReplace,
    )


def _variables(inputs: Properties) -> dict[str, str]:
    return {key: as_text(plain(value)) for key, value in inputs.items() if value is not None and value is not UNKNOWN}
