"""The gRPC side of the provider `aws`: decoding, secrets and errors."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Sequence
from typing import Any, Final, TypeVar, cast

import grpc
from google.protobuf import any_pb2, empty_pb2
from pulumi.runtime.proto import errors_pb2, plugin_pb2, provider_pb2, provider_pb2_grpc, status_pb2

from localcloud.pulumi import errors
from localcloud.pulumi.aws.operation import Checked, Target
from localcloud.pulumi.aws.provider import AwsProvider
from localcloud.pulumi.difference import Difference
from localcloud.pulumi.errors import Failure
from localcloud.pulumi.server import NO_SCHEMA, require_registered
from localcloud.pulumi.wire import Properties, Urn, decode, encode, is_known

_DETAILS: Final = "grpc-status-details-bin"
Method = TypeVar("Method", bound=Callable[..., Any])


def _reporting(method: Method) -> Method:
    """Turn a failure of a method into a gRPC status that the engine can show."""

    @functools.wraps(method)
    def answer(self: AwsServicer, request: Any, context: Any) -> Any:
        try:
            return method(self, request, context)
        except errors.InitializationError as e:
            _abort(context, grpc.StatusCode.UNKNOWN, str(e), _unready(e, request))
        except errors.InputsError as e:
            _abort(context, grpc.StatusCode.INVALID_ARGUMENT, str(e), _invalid(e))
        except errors.CancelledError as e:
            _abort(context, grpc.StatusCode.CANCELLED, str(e))
        except errors.PluginError as e:
            _abort(context, grpc.StatusCode.FAILED_PRECONDITION, str(e))
        except Exception as e:  # noqa: BLE001  any error must reach the engine as one line about this resource
            subject = getattr(request, "urn", "") or getattr(request, "tok", "the aws provider")
            _abort(context, grpc.StatusCode.INTERNAL, f"{subject}: {type(e).__name__}: {e}")

    return cast("Method", answer)


class AwsServicer(provider_pb2_grpc.ResourceProviderServicer):
    """Serves the provider over gRPC."""

    def __init__(self, provider: AwsProvider) -> None:
        self._provider = provider

    def Handshake(self, request: Any, context: Any) -> Any:
        return provider_pb2.ProviderHandshakeResponse(accept_secrets=True, accept_resources=False, accept_outputs=False)

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        return plugin_pb2.PluginInfo(version=self._provider.version)

    def GetSchema(self, request: Any, context: Any) -> Any:
        context.abort(grpc.StatusCode.UNIMPLEMENTED, NO_SCHEMA)

    def Cancel(self, request: Any, context: Any) -> Any:
        self._provider.stop.set()
        return empty_pb2.Empty()

    def Attach(self, request: Any, context: Any) -> Any:
        return empty_pb2.Empty()

    @_reporting
    def CheckConfig(self, request: Any, context: Any) -> Any:
        news = decode(request.news)
        return _check_response(self._provider.check_config(news.values), news.secrets)

    @_reporting
    def DiffConfig(self, request: Any, context: Any) -> Any:
        old = decode(request.old_inputs if request.old_inputs.fields else request.olds).values
        new = decode(request.news).values
        return _diff_response(self._provider.diff_config(_no_version(old), _no_version(new)))

    @_reporting
    def Configure(self, request: Any, context: Any) -> Any:
        values = decode(request.args).values
        if is_known(values):
            self._provider.configure(_no_version(values))
        return provider_pb2.ConfigureResponse(
            acceptSecrets=True, supportsPreview=True, acceptResources=False, acceptOutputs=False
        )

    @_reporting
    def Check(self, request: Any, context: Any) -> Any:
        news = decode(request.news)
        olds = decode(request.olds).values if request.olds.fields else None
        target = Target(_registered(request.urn), seed=request.randomSeed)
        return _check_response(self._provider.check(target, olds, news.values), news.secrets)

    @_reporting
    def Diff(self, request: Any, context: Any) -> Any:
        old, new = decode(request.old_inputs).values, decode(request.news).values
        target = Target(Urn.parse(request.urn), request.id)
        difference = self._provider.diff(target, old, new, decode(request.olds).values)
        return _diff_response(difference, request.ignoreChanges)

    @_reporting
    def Create(self, request: Any, context: Any) -> Any:
        inputs, target = decode(request.properties), Target(_registered(request.urn), "", request.timeout)
        if request.preview:
            identity, outputs = "", self._provider.plan_create(target, inputs.values)
        else:
            identity, outputs = self._provider.create(target, inputs.values)
        return provider_pb2.CreateResponse(id=identity, properties=encode(outputs, inputs.secrets))

    @_reporting
    def Read(self, request: Any, context: Any) -> Any:
        inputs, state = decode(request.inputs), decode(request.properties)
        target = Target(_registered(request.urn), request.id, request.timeout)
        found = self._provider.read(target, inputs.values, state.values)
        if found is None:
            return provider_pb2.ReadResponse()
        secrets = inputs.secrets | state.secrets
        return provider_pb2.ReadResponse(
            id=found.identity, properties=encode(found.outputs, secrets), inputs=encode(found.inputs, secrets)
        )

    @_reporting
    def Update(self, request: Any, context: Any) -> Any:
        old, new, outputs = decode(request.old_inputs), decode(request.news), decode(request.olds)
        target = Target(_registered(request.urn), request.id, request.timeout)
        work = self._provider.plan_update if request.preview else self._provider.update
        result = work(target, old.values, new.values, outputs.values)
        return provider_pb2.UpdateResponse(properties=encode(result, new.secrets))

    @_reporting
    def Delete(self, request: Any, context: Any) -> Any:
        target = Target(_registered(request.urn), request.id, request.timeout)
        self._provider.delete(target, decode(request.old_inputs).values, decode(request.properties).values)
        return empty_pb2.Empty()

    @_reporting
    def Invoke(self, request: Any, context: Any) -> Any:
        try:
            result = self._provider.invoke(request.tok, decode(request.args).values)
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


def _invalid(error: errors.InputsError) -> Any:
    kind = errors_pb2.InputPropertiesError
    return kind(errors=[kind.PropertyError(property_path=f.property, reason=f.reason) for f in error.failures])


def _unready(error: errors.InitializationError, request: Any) -> Any:
    """The part of the status that makes the engine keep an object that exists but is not ready."""
    secrets = decode(request.news if hasattr(request, "news") else request.properties).secrets
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
