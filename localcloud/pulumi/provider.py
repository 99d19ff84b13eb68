"""The gRPC side of a resource provider: decoding, secrets, errors, and the answers that all providers share."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import grpc
from google.protobuf import any_pb2, empty_pb2
from pulumi.runtime.proto import errors_pb2, plugin_pb2, provider_pb2, provider_pb2_grpc, status_pb2

from localcloud.pulumi import errors
from localcloud.pulumi.difference import Difference
from localcloud.pulumi.errors import Failure
from localcloud.pulumi.server import NO_SCHEMA, require_registered
from localcloud.pulumi.wire import Properties, Urn, decode, encode, is_known

_DETAILS: Final = "grpc-status-details-bin"


@dataclass(frozen=True)
class Checked:
    """Inputs with defaults and names filled in, or what is wrong with them."""

    inputs: Properties
    failures: Sequence[Failure] = ()
    secrets: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Target:
    """The resource that an operation is about.

    Args:
        urn: its URN.
        identity: its id; empty before it is created.
        timeout: seconds that the program allows, or 0 if it sets no time.
        seed: the random bytes of a Check.
    """

    urn: Urn
    identity: str = ""
    timeout: float = 0.0
    seed: bytes = b""


@dataclass(frozen=True)
class Found:
    """An existing object: its id, its outputs, and the inputs that would create it."""

    identity: str
    outputs: Properties
    inputs: Properties


@dataclass
class Stop:
    """Set once the engine asks to stop; every wait checks it."""

    event: threading.Event = field(default_factory=threading.Event)
    callbacks: list[Callable[[], None]] = field(default_factory=list)

    def now(self) -> None:
        """Ask everything to stop."""
        self.event.set()
        for callback in self.callbacks:
            callback()

    def sleep(self, seconds: float) -> None:
        """Sleep, unless the engine asks to stop.

        Raises:
            CancelledError: the engine asked to stop.
        """
        if self.event.wait(seconds):
            raise errors.CancelledError("stopped on request")


class Provider(ABC):
    """The operations of a provider, on plain values."""

    name: str
    version: str

    def __init__(self) -> None:
        self.stop = Stop()
        self.directory = Path.cwd()  # an engine starts its plugins in the program's directory

    @abstractmethod
    def check_config(self, values: Properties) -> Checked: ...

    @abstractmethod
    def diff_config(self, old: Properties, new: Properties) -> Difference: ...

    @abstractmethod
    def configure(self, values: Properties) -> None: ...

    @abstractmethod
    def check(self, target: Target, old: Properties | None, new: Properties) -> Checked: ...

    @abstractmethod
    def diff(self, target: Target, old: Properties, new: Properties, outputs: Properties) -> Difference: ...

    @abstractmethod
    def plan_create(self, target: Target, inputs: Properties) -> Properties:
        """The outputs of a creation that are known before it."""

    @abstractmethod
    def create(self, target: Target, inputs: Properties) -> tuple[str, Properties]: ...

    @abstractmethod
    def read(self, target: Target, inputs: Properties, outputs: Properties) -> Found | None: ...

    @abstractmethod
    def plan_update(self, target: Target, old: Properties, new: Properties, outputs: Properties) -> Properties: ...

    @abstractmethod
    def update(self, target: Target, old: Properties, new: Properties, outputs: Properties) -> Properties: ...

    @abstractmethod
    def delete(self, target: Target, inputs: Properties, outputs: Properties) -> None: ...

    @abstractmethod
    def invoke(self, token: str, arguments: Properties, *, preview: bool) -> Properties: ...


class Servicer(provider_pb2_grpc.ResourceProviderServicer):
    """Serves a `Provider` over gRPC."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider

    def Handshake(self, request: Any, context: Any) -> Any:
        return provider_pb2.ProviderHandshakeResponse(accept_secrets=True, accept_resources=False, accept_outputs=False)

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        return plugin_pb2.PluginInfo(version=self._provider.version)

    def GetSchema(self, request: Any, context: Any) -> Any:
        context.abort(grpc.StatusCode.UNIMPLEMENTED, NO_SCHEMA)

    def Cancel(self, request: Any, context: Any) -> Any:
        self._provider.stop.now()
        return empty_pb2.Empty()

    def Attach(self, request: Any, context: Any) -> Any:
        return empty_pb2.Empty()

    def CheckConfig(self, request: Any, context: Any) -> Any:
        return _answer(context, request.urn, lambda: self._check_config(request))

    def _check_config(self, request: Any) -> Any:
        news = decode(request.news)
        return _check_response(self._provider.check_config(news.values), news.secrets)

    def DiffConfig(self, request: Any, context: Any) -> Any:
        return _answer(context, request.urn, lambda: self._diff_config(request))

    def _diff_config(self, request: Any) -> Any:
        old = decode(request.old_inputs if request.old_inputs.fields else request.olds).values
        return _diff_response(self._provider.diff_config(_no_version(old), _no_version(decode(request.news).values)))

    def Configure(self, request: Any, context: Any) -> Any:
        return _answer(context, request.urn, lambda: self._configure(request))

    def _configure(self, request: Any) -> Any:
        values = decode(request.args).values
        if is_known(values):
            self._provider.configure(_no_version(values))
        return provider_pb2.ConfigureResponse(
            acceptSecrets=True, supportsPreview=True, acceptResources=False, acceptOutputs=False
        )

    def Check(self, request: Any, context: Any) -> Any:
        return _answer(context, request.urn, lambda: self._check(request))

    def _check(self, request: Any) -> Any:
        news = decode(request.news)
        olds = decode(request.olds).values if request.olds.fields else None
        target = Target(_registered(request.urn), seed=request.randomSeed)
        return _check_response(self._provider.check(target, olds, news.values), news.secrets)

    def Diff(self, request: Any, context: Any) -> Any:
        return _answer(context, request.urn, lambda: self._diff(request))

    def _diff(self, request: Any) -> Any:
        old, new = decode(request.old_inputs), decode(request.news)
        target = Target(Urn.parse(request.urn), request.id)
        return _diff_response(
            self._provider.diff(target, old.values, new.values, decode(request.olds).values), request.ignoreChanges
        )

    def Create(self, request: Any, context: Any) -> Any:
        return _answer(context, request.urn, lambda: self._create(request), decode(request.properties).secrets)

    def _create(self, request: Any) -> Any:
        inputs = decode(request.properties)
        target = Target(_registered(request.urn), "", request.timeout)
        if request.preview:
            return provider_pb2.CreateResponse(
                properties=encode(self._provider.plan_create(target, inputs.values), inputs.secrets)
            )
        identity, outputs = self._provider.create(target, inputs.values)
        return provider_pb2.CreateResponse(id=identity, properties=encode(outputs, inputs.secrets))

    def Read(self, request: Any, context: Any) -> Any:
        return _answer(context, request.urn, lambda: self._read(request), decode(request.properties).secrets)

    def _read(self, request: Any) -> Any:
        inputs, state = decode(request.inputs), decode(request.properties)
        target = Target(_registered(request.urn), request.id, request.timeout)
        found = self._provider.read(target, inputs.values, state.values)
        if found is None:
            return provider_pb2.ReadResponse()
        secrets = inputs.secrets | state.secrets
        return provider_pb2.ReadResponse(
            id=found.identity, properties=encode(found.outputs, secrets), inputs=encode(found.inputs, secrets)
        )

    def Update(self, request: Any, context: Any) -> Any:
        return _answer(context, request.urn, lambda: self._update(request), decode(request.news).secrets)

    def _update(self, request: Any) -> Any:
        old, new, outputs = decode(request.old_inputs), decode(request.news), decode(request.olds)
        target = Target(_registered(request.urn), request.id, request.timeout)
        work = self._provider.plan_update if request.preview else self._provider.update
        result = work(target, old.values, new.values, outputs.values)
        return provider_pb2.UpdateResponse(properties=encode(result, new.secrets))

    def Delete(self, request: Any, context: Any) -> Any:
        return _answer(context, request.urn, lambda: self._delete(request))

    def _delete(self, request: Any) -> Any:
        target = Target(_registered(request.urn), request.id, request.timeout)
        self._provider.delete(target, decode(request.old_inputs).values, decode(request.properties).values)
        return empty_pb2.Empty()

    def Invoke(self, request: Any, context: Any) -> Any:
        return _answer(context, request.tok, lambda: self._invoke(request))

    def _invoke(self, request: Any) -> Any:
        arguments = decode(request.args).values
        try:
            result = self._provider.invoke(request.tok, arguments, preview=request.preview)
        except errors.InputsError as e:
            return provider_pb2.InvokeResponse(failures=_failures(e.failures))
        response = provider_pb2.InvokeResponse()
        getattr(response, "return").CopyFrom(encode(result))
        return response


def _registered(text: str) -> Urn:
    urn = Urn.parse(text)
    require_registered(urn)
    return urn


def _no_version(values: Properties) -> Properties:
    return {name: value for name, value in values.items() if name not in {"version", "__internal"}}


def _failures(failures: Sequence[Failure]) -> list[Any]:
    return [provider_pb2.CheckFailure(property=f.property, reason=f.reason) for f in failures]


def _check_response(checked: Checked, secrets: Collection[str]) -> Any:
    inputs = encode(checked.inputs, {*secrets, *checked.secrets})
    return provider_pb2.CheckResponse(inputs=inputs, failures=_failures(checked.failures))


def _diff_response(difference: Difference, ignored: Sequence[str] = ()) -> Any:
    kinds = provider_pb2.PropertyDiff.Kind
    changes = [c for c in difference.changes if not any(_covers(path, c.path) for path in ignored)]
    detailed = {
        c.path: provider_pb2.PropertyDiff(
            kind=kinds.Value(c.kind.value + "_REPLACE" if c.replace else c.kind.value), inputDiff=True
        )
        for c in changes
    }
    return provider_pb2.DiffResponse(
        changes=provider_pb2.DiffResponse.DIFF_SOME if changes else provider_pb2.DiffResponse.DIFF_NONE,
        diffs=sorted({c.top for c in changes}),
        replaces=sorted({c.top for c in changes if c.replace}),
        detailedDiff=detailed,
        hasDetailedDiff=True,
        deleteBeforeReplace=difference.delete_before_replace and any(c.replace for c in changes),
    )


def _covers(ignored: str, path: str) -> bool:
    return path == ignored or path.startswith((f"{ignored}.", f"{ignored}["))


def _answer(context: Any, subject: str, work: Callable[[], Any], secrets: Collection[str] = ()) -> Any:
    """Run one call; a failure becomes a gRPC status that the engine can show."""
    try:
        return work()
    except errors.InitializationError as e:
        detail = _unready(e, secrets)
        _abort(context, grpc.StatusCode.UNKNOWN, str(e), detail)
    except errors.InputsError as e:
        detail = errors_pb2.InputPropertiesError(
            errors=[
                errors_pb2.InputPropertiesError.PropertyError(property_path=f.property, reason=f.reason)
                for f in e.failures
            ]
        )
        _abort(context, grpc.StatusCode.INVALID_ARGUMENT, str(e), detail)
    except errors.CancelledError as e:
        _abort(context, grpc.StatusCode.CANCELLED, str(e))
    except errors.PluginError as e:
        _abort(context, grpc.StatusCode.FAILED_PRECONDITION, str(e))
    except Exception as e:  # noqa: BLE001  any error must reach the engine as one line about this resource
        _abort(context, grpc.StatusCode.INTERNAL, f"{subject}: {type(e).__name__}: {e}")
    return None


def _unready(error: errors.InitializationError, secrets: Collection[str]) -> Any:
    """The part of the status that makes the engine keep an object that exists but is not ready."""
    return provider_pb2.ErrorResourceInitFailed(
        id=error.identity, properties=encode(error.outputs, secrets), reasons=list(error.reasons)
    )


def _abort(context: Any, code: grpc.StatusCode, message: str, detail: Any = None) -> None:
    if detail is not None:
        packed = any_pb2.Any()
        packed.Pack(detail, type_url_prefix="type.googleapis.com/")
        status = status_pb2.Status(code=code.value[0], message=message, details=[packed])
        context.set_trailing_metadata(((_DETAILS, status.SerializeToString()),))
    context.abort(code, message)
