# ruff: noqa: E402, N802, S311  names of the protocol; chance is no secret
"""A resource provider for tests: it does what the inputs of a resource say, and logs every call.

Environment: SCRIPTED_LOG, a file that gets one JSON object for each call; SCRIPTED_CLOUD, a folder that holds one file for
each object that exists; SCRIPTED_FAIL, a probability with which Create, Update and Delete fail, before or after the deed;
SCRIPTED_DIE, the call at which the process ends; SCRIPTED_LATE, seconds by which every answer is late.

Inputs with a meaning: `name` (made up from the resource's name when missing), keys that begin with `replace` (a change
replaces), `deleteFirst` (so does that, deleting first), `unknownDiff`, `fail` (check, diff, create, create-partial, update,
update-partial, delete, read, die-create, die-update, die-delete), `secretOut` (an output to be marked secret), `sleep`,
`until` (a file to be waited for), `complain` (an error to be told to the engine, whereupon all goes well).
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import sys
import time
from concurrent import futures
from pathlib import Path
from typing import Any

os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
os.environ.setdefault("GRPC_VERBOSITY", "NONE")

from localcloud.engine.stubs import without_sdk

without_sdk()  # a plugin starts in half the time

import grpc
from google.protobuf import any_pb2, empty_pb2, json_format, struct_pb2
from pulumi.runtime.proto import (
    engine_pb2,
    engine_pb2_grpc,
    plugin_pb2,
    provider_pb2,
    provider_pb2_grpc,
    resource_pb2,
    resource_pb2_grpc,
    status_pb2,
)

SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET = "1b47061264138c4ac30d75fd1eb44270"
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
LOG = os.environ.get("SCRIPTED_LOG")
CLOUD = Path(os.environ["SCRIPTED_CLOUD"]) if os.environ.get("SCRIPTED_CLOUD") else None
FAIL = float(os.environ.get("SCRIPTED_FAIL") or 0)
LATE = float(os.environ.get("SCRIPTED_LATE") or 0)
SLEEP = float(os.environ.get("SCRIPTED_SLEEP") or 0)


def plain(struct: Any) -> dict[str, Any]:
    return json_format.MessageToDict(struct)


def to_struct(values: dict[str, Any]) -> struct_pb2.Struct:
    struct = struct_pb2.Struct()
    struct.update(values)
    return struct


def returned(values: dict[str, Any]) -> Any:
    response = provider_pb2.InvokeResponse()
    getattr(response, "return").update(values)
    return response


def opened(value: Any) -> Any:
    """The value without secret envelopes."""
    if isinstance(value, dict):
        if value.get(SIGNATURE) == SECRET:
            return opened(value["value"])
        return {key: opened(item) for key, item in value.items()}
    return [opened(item) for item in value] if isinstance(value, list) else value


class Scripted(provider_pb2_grpc.ResourceProviderServicer):
    def __init__(self, handshake: bool) -> None:
        self._handshake = handshake
        self._config: dict[str, Any] = {}

    def log(self, method: str, request: Any) -> None:
        if os.environ.get("SCRIPTED_DIE") == method:
            os._exit(7)
        time.sleep(LATE)
        if LOG:
            entry = {"rpc": method, **json_format.MessageToDict(request, preserving_proto_field_name=True)}
            with Path(LOG).open("a") as file:
                file.write(json.dumps(entry, sort_keys=True) + "\n")

    # --- set-up

    def Handshake(self, request: Any, context: Any) -> Any:
        self.log("Handshake", empty_pb2.Empty())
        if not self._handshake:
            context.abort(grpc.StatusCode.UNIMPLEMENTED, "no handshake")
        return provider_pb2.ProviderHandshakeResponse(accept_secrets=True, accept_resources=True, accept_outputs=True)

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        return plugin_pb2.PluginInfo(version="1.0.0")

    def CheckConfig(self, request: Any, context: Any) -> Any:
        self.log("CheckConfig", request)
        news = plain(request.news)
        if news.get("fail") == "config":
            return provider_pb2.CheckResponse(failures=[provider_pb2.CheckFailure(property="fail", reason="told to")])
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Any, context: Any) -> Any:
        self.log("DiffConfig", request)
        return self._diff(plain(request.old_inputs), plain(request.news))

    def Configure(self, request: Any, context: Any) -> Any:
        self.log("Configure", request)
        self._config = opened(plain(request.args))
        if self._config.get("fail") == "configure":
            context.abort(grpc.StatusCode.UNKNOWN, "told to fail in Configure")
        return provider_pb2.ConfigureResponse(
            acceptSecrets=True, acceptResources=True, acceptOutputs=True, supportsPreview=True
        )

    # --- resources

    def Check(self, request: Any, context: Any) -> Any:
        self.log("Check", request)
        olds, news = plain(request.olds), plain(request.news)
        if opened(news).get("fail") == "check":
            failure = provider_pb2.CheckFailure(property="fail", reason="told to fail in Check")
            other = provider_pb2.CheckFailure(reason="and in general")
            return provider_pb2.CheckResponse(inputs=request.news, failures=[failure, other])
        if "name" not in news:
            suffix = hashlib.sha256(request.randomSeed).hexdigest()[:7]
            news["name"] = olds.get("name") or f"{request.urn.split('::')[-1]}-{suffix}"
        return provider_pb2.CheckResponse(inputs=to_struct(news))

    def Diff(self, request: Any, context: Any) -> Any:
        self.log("Diff", request)
        olds, news = plain(request.old_inputs), plain(request.news)
        if opened(news).get("fail") == "diff":
            context.abort(grpc.StatusCode.UNKNOWN, "told to fail in Diff")
        for path in request.ignoreChanges:
            news.pop(path, None)
            olds.pop(path, None)
        return self._diff(olds, news)

    def _diff(self, olds: dict[str, Any], news: dict[str, Any]) -> Any:
        olds, news = opened(olds), opened(news)
        if news.get("unknownDiff"):
            return provider_pb2.DiffResponse()
        changed = sorted(key for key in {*olds, *news} if olds.get(key) != news.get(key))
        replaces = [key for key in changed if key.startswith("replace") or key == "name"]
        kinds = provider_pb2.PropertyDiff
        detailed = {
            key: kinds(kind=kinds.UPDATE_REPLACE if key in replaces else kinds.UPDATE, inputDiff=True)
            for key in changed
        }
        return provider_pb2.DiffResponse(
            changes=provider_pb2.DiffResponse.DIFF_SOME if changed else provider_pb2.DiffResponse.DIFF_NONE,
            replaces=replaces,
            diffs=changed,
            detailedDiff=detailed,
            hasDetailedDiff=True,
            deleteBeforeReplace=bool(news.get("deleteFirst")),
        )

    def Create(self, request: Any, context: Any) -> Any:
        self.log("Create", request)
        inputs = plain(request.properties)
        values = opened(inputs)
        if request.preview:
            return provider_pb2.CreateResponse(id="", properties=to_struct({**inputs, "made": UNKNOWN}))
        self._maybe_fail(values, "create", context)
        identifier = f"id-{values['name']}"
        self._put(identifier, values, context, create=True)
        self._maybe_fail(values, "create", context, after=True)
        outputs = self._outputs(inputs)
        if values.get("fail") == "create-partial":
            self._partial(context, identifier, outputs)
        return provider_pb2.CreateResponse(id=identifier, properties=to_struct(outputs))

    def Update(self, request: Any, context: Any) -> Any:
        self.log("Update", request)
        inputs = plain(request.news)
        values = opened(inputs)
        if request.preview:
            return provider_pb2.UpdateResponse(properties=to_struct(self._outputs(inputs)))
        self._maybe_fail(values, "update", context)
        self._put(request.id, values, context, create=False)
        outputs = self._outputs(inputs)
        if values.get("fail") == "update-partial":
            self._partial(context, request.id, outputs)
        return provider_pb2.UpdateResponse(properties=to_struct(outputs))

    def Delete(self, request: Any, context: Any) -> Any:
        self.log("Delete", request)
        self._maybe_fail(opened(plain(request.old_inputs)), "delete", context)
        if CLOUD:
            (CLOUD / request.id).unlink(missing_ok=True)
        return empty_pb2.Empty()

    def Read(self, request: Any, context: Any) -> Any:
        self.log("Read", request)
        inputs = plain(request.inputs)
        if opened(inputs).get("fail") == "read":
            context.abort(grpc.StatusCode.UNKNOWN, "told to fail in Read")
        if CLOUD is None:
            return provider_pb2.ReadResponse(id=request.id, properties=request.properties, inputs=request.inputs)
        path = CLOUD / request.id
        if not path.exists():
            return provider_pb2.ReadResponse(id="")
        values = json.loads(path.read_text())
        outputs = self._outputs(values)
        known = plain(request.properties)
        if known:
            outputs = {key: known[key] if opened(known.get(key)) == value else value for key, value in outputs.items()}
        inputs = {key: inputs[key] if opened(inputs.get(key)) == value else value for key, value in values.items()}
        return provider_pb2.ReadResponse(id=request.id, properties=to_struct(outputs), inputs=to_struct(inputs))

    def _outputs(self, inputs: dict[str, Any]) -> dict[str, Any]:
        outputs = {**inputs, "made": f"by {self._config.get('account', 'nobody')}"}
        secret = opened(inputs).get("secretOut")
        if secret:
            outputs["secretOut"] = {SIGNATURE: SECRET, "value": secret}
        return outputs

    def _put(self, identifier: str, values: dict[str, Any], context: Any, *, create: bool) -> None:
        if "complain" in values:
            engine = engine_pb2_grpc.EngineStub(grpc.insecure_channel(sys.argv[-1]))
            engine.Log(engine_pb2.LogRequest(severity=engine_pb2.ERROR, message=values["complain"]))
        time.sleep(SLEEP * random.random() + values.get("sleep", 0))
        while "until" in values and not Path(values["until"]).exists():
            time.sleep(0.01)
        if CLOUD is None:
            return
        path = CLOUD / identifier
        if create and path.exists():
            context.abort(grpc.StatusCode.ALREADY_EXISTS, f"{identifier} exists already")
        temporary = CLOUD / f".{identifier}.{os.getpid()}"
        temporary.write_text(json.dumps(values))
        temporary.replace(path)
        time.sleep(SLEEP * random.random())

    def _maybe_fail(self, values: dict[str, Any], method: str, context: Any, *, after: bool = False) -> None:
        told = values.get("fail")
        if not after:
            if told == method and not os.environ.get("SCRIPTED_FORGIVE"):
                context.abort(grpc.StatusCode.UNKNOWN, f"told to fail in {method.title()}")
            if told == f"die-{method}":
                sys.stderr.write("dying as told\n")
                sys.stderr.flush()
                os._exit(7)
            if random.random() < FAIL:
                context.abort(grpc.StatusCode.UNKNOWN, f"failed in {method.title()} by chance")

    def _partial(self, context: Any, identifier: str, outputs: dict[str, Any]) -> None:
        detail = provider_pb2.ErrorResourceInitFailed(
            id=identifier, properties=to_struct(outputs), reasons=["not ready", "still not ready"]
        )
        packed = any_pb2.Any()
        packed.Pack(detail)
        status = status_pb2.Status(code=2, message="told to fail in part", details=[packed])
        context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
        context.abort(grpc.StatusCode.UNKNOWN, "told to fail in part")

    # --- functions and components

    def Invoke(self, request: Any, context: Any) -> Any:
        self.log("Invoke", request)
        arguments = plain(request.args)
        if request.tok.endswith(":localFind"):
            return returned(self._find(arguments))
        if arguments.get("fail"):
            failure = provider_pb2.CheckFailure(property="fail", reason="told to fail")
            return provider_pb2.InvokeResponse(failures=[failure])
        return returned({**arguments, "account": self._config.get("account", "")})

    def _find(self, arguments: dict[str, Any]) -> dict[str, Any]:
        identifier = f"id-{opened(arguments['inputs'])['name']}"
        found = CLOUD is not None and (CLOUD / identifier).exists()
        return {"id": identifier, "found": True} if found else {"id": ""}

    def Construct(self, request: Any, context: Any) -> Any:
        self.log("Construct", request)
        monitor = resource_pb2_grpc.ResourceMonitorStub(grpc.insecure_channel(request.monitorEndpoint))
        inputs = opened(plain(request.inputs))
        if inputs.get("fail") == "construct":
            context.abort(grpc.StatusCode.UNKNOWN, "told to fail in Construct")
        component = monitor.RegisterResource(
            resource_pb2.RegisterResourceRequest(
                type=request.type,
                name=request.name,
                parent=request.parent,
                acceptSecrets=True,
                acceptResources=True,
                providers=dict(request.providers),
                dependencies=list(request.dependencies),
                aliases=list(request.aliases),
            )
        )
        child = monitor.RegisterResource(
            resource_pb2.RegisterResourceRequest(
                type="scripted:index:Thing",
                name=f"{request.name}-child",
                parent=component.urn,
                custom=True,
                object=request.inputs,
                acceptSecrets=True,
                acceptResources=True,
                provider=dict(request.providers).get("scripted", ""),
            )
        )
        state = to_struct({"childId": child.id or UNKNOWN, "inputs": opened(plain(request.inputs))})
        monitor.RegisterResourceOutputs(resource_pb2.RegisterResourceOutputsRequest(urn=component.urn, outputs=state))
        dependencies = provider_pb2.ConstructResponse.PropertyDependencies(urns=[child.urn])
        return provider_pb2.ConstructResponse(
            urn=component.urn, state=state, stateDependencies={"childId": dependencies}
        )

    def Cancel(self, request: Any, context: Any) -> Any:
        self.log("Cancel", request)
        return empty_pb2.Empty()


def main() -> None:
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=100), options=[("grpc.so_reuseport", 0)])
    handshake = os.environ.get("SCRIPTED_HANDSHAKE", "1") == "1"
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(Scripted(handshake), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    parent = os.getppid()
    while os.getppid() == parent:
        time.sleep(0.2)


if __name__ == "__main__":
    main()
