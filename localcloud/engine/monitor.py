"""The services that programs and plugins call: ResourceMonitor and Engine."""

from __future__ import annotations

from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, provider_pb2, resource_pb2, resource_pb2_grpc

from localcloud.engine import builtins_, goals, urns, wire
from localcloud.engine.assets import with_hashes
from localcloud.engine.backend import ORGANIZATION
from localcloud.engine.deployment import Deployment, StoppedError
from localcloud.engine.errors import EngineError, RegistrationError, UnsupportedError
from localcloud.engine.goals import Goal
from localcloud.engine.plugins import CHANNEL_OPTIONS
from localcloud.engine.provider import Invoked, Provider
from localcloud.engine.values import without_outputs
from localcloud.engine.wire import Peer

# Those that are refused are listed too: else the SDK would tell the user to upgrade the CLI, which helps nobody.
_FEATURES = (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 14, 15)
_FEATURE_NAMES = frozenset(
    {
        "secrets",
        "resourceReferences",
        "outputValues",
        "deletedWith",
        "replaceWith",
        "aliasSpecs",
        "transforms",
        "invokeTransforms",
        "parameterization",
        "resourceHooks",
        "errorHooks",
    }
)
T = TypeVar("T")
_SEVERITIES = ("debug", "info", "warning", "error")


class Monitor(resource_pb2_grpc.ResourceMonitorServicer, engine_pb2_grpc.EngineServicer):
    """Serves one deployment on 127.0.0.1."""

    def __init__(self, deployment: Deployment, root: Path, directory: Path) -> None:
        self._deployment = deployment
        self._root = root
        self._directory = directory
        self._server: Any = grpc.aio.server(options=CHANNEL_OPTIONS)
        self.address = ""
        self._root_urn = ""

    async def start(self) -> str:
        resource_pb2_grpc.add_ResourceMonitorServicer_to_server(self, self._server)
        engine_pb2_grpc.add_EngineServicer_to_server(self, self._server)
        self.address = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        await self._server.start()
        return self.address

    async def stop(self) -> None:
        await self._server.stop(grace=0.5)

    async def _answer(self, context: Any, urn: str, work: Coroutine[Any, Any, T]) -> T:
        """Do what a call asks for; when the deployment stops, the SDK is told so quietly."""
        try:
            return await self._deployment.work(urn, work)
        except StoppedError:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "resource monitor is shutting down")
            raise

    async def _refuse(self, context: Any, feature: str) -> Any:
        self._deployment.fail("", UnsupportedError(feature))
        await context.abort(grpc.StatusCode.UNAVAILABLE, "resource monitor is shutting down")

    # --- about the deployment

    async def GetDeploymentInfo(self, request: Any, context: Any) -> Any:  # noqa: N802, ARG002
        deployment = self._deployment
        return resource_pb2.DeploymentInfo(
            project=deployment.project,
            stack=deployment.stack,
            organization=ORGANIZATION,
            config=deployment.config.values,
            configSecretKeys=sorted(deployment.config.secret_keys),
            dryRun=deployment.preview,
            parallel=deployment.parallel,
            supportedFeatures=_FEATURES,  # pyright: ignore[reportArgumentType]  numbers of an enum
        )

    async def SupportsFeature(self, request: Any, context: Any) -> Any:  # noqa: N802, ARG002
        return resource_pb2.SupportsFeatureResponse(hasSupport=request.id in _FEATURE_NAMES)

    # --- resources

    async def RegisterResource(self, request: Any, context: Any) -> Any:  # noqa: N802
        try:
            work = self._construct(request) if request.remote else self._register(request)
            return await self._answer(context, request.parent if request.remote else "", work)
        except EngineError as error:
            self._deployment.fail("", error)
            await context.abort(grpc.StatusCode.UNAVAILABLE, "resource monitor is shutting down")

    async def _register(self, request: Any) -> Any:
        goal = goals.from_request(request, self._root)
        goal.properties = with_hashes(goal.properties, self._directory)
        resource = await self._deployment.register(goal)
        response = resource_pb2.RegisterResourceResponse(urn=resource.urn)
        if resource.custom:
            response.id = "" if resource.id == wire.UNKNOWN_TEXT else resource.id
            peer = Peer(request.acceptSecrets, request.acceptResources)
            wire.fill(response.object, resource.outputs, peer)
            if urns.is_provider(resource.type):
                response.id = resource.id
        return response

    async def _construct(self, request: Any) -> Any:
        """Have a plugin build a component. It registers the component and its children itself, back here."""
        goal = goals.from_request(request, self._root)
        deployment = self._deployment
        package = urns.package_of(goal.type)
        reference = goal.provider or goal.providers.get(package) or await deployment.provider_for(goal)
        provider = self._provider(reference)
        construct = self._construct_request(goal)
        if not provider.outputs:
            goal.properties = without_outputs(goal.properties)
        answer = await provider.construct(construct, goal.properties)
        response = resource_pb2.RegisterResourceResponse(urn=answer.urn)
        state = wire.decode(answer.state)
        wire.fill(response.object, state, Peer(request.acceptSecrets, request.acceptResources))
        for key, each in answer.stateDependencies.items():
            response.propertyDependencies[key].urns.extend(each.urns)
        return response

    def _construct_request(self, goal: Goal) -> Any:
        deployment = self._deployment
        request = provider_pb2.ConstructRequest(
            project=deployment.project,
            stack=deployment.stack,
            organization=ORGANIZATION,
            config=deployment.config.values,
            configSecretKeys=sorted(deployment.config.secret_keys),
            dryRun=deployment.preview,
            parallel=max(deployment.parallel, 1),
            monitorEndpoint=self.address,
            type=goal.type,
            name=goal.name,
            parent=goal.parent,
            providers=self._component_providers(goal),
            dependencies=goal.dependencies,
            aliases=[alias.resolve(deployment.stack, deployment.project, goal, goal.parent) for alias in goal.aliases],  # pyright: ignore[reportArgumentType]  see below
            additionalSecretOutputs=goal.additional_secret_outputs,
            deletedWith=goal.deleted_with,
            ignoreChanges=goal.ignore_changes,
            replaceOnChanges=goal.replace_on_changes,
            accepts_output_values=True,
        )
        for name in ("protect", "retain_on_delete", "delete_before_replace"):
            value = getattr(goal, name)
            if value is not None:
                setattr(
                    request,
                    {"retain_on_delete": "retainOnDelete", "delete_before_replace": "deleteBeforeReplace"}.get(
                        name, name
                    ),
                    value,
                )
        for key, urns_of_key in goal.property_dependencies.items():
            request.inputDependencies[key].urns.extend(urns_of_key)
        for name, number in goal.timeouts.items():
            if name in ("create", "update", "delete"):
                setattr(request.customTimeouts, name, f"{number:g}s")
        return request

    def _component_providers(self, goal: Goal) -> dict[str, str]:
        parent = self._deployment.generator.seen.goals.get(goal.parent)
        return {**(parent.providers if parent else {}), **goal.providers}

    async def RegisterResourceOutputs(self, request: Any, context: Any) -> Any:  # noqa: N802
        work = self._deployment.register_outputs(request.urn, wire.decode(request.outputs))
        await self._answer(context, request.urn, work)
        return empty_pb2.Empty()

    async def ReadResource(self, request: Any, context: Any) -> Any:  # noqa: N802
        return await self._answer(context, "", self._read(request))

    async def _read(self, request: Any) -> Any:
        if request.packageRef:
            raise UnsupportedError(f"parameterized packages ({request.type} {request.name})")
        if request.type == urns.REFERENCE_TYPE:
            raise UnsupportedError("stack references")
        goal = Goal(
            type=request.type,
            name=request.name,
            custom=True,
            parent=request.parent,
            properties=wire.decode(request.properties),
            provider=request.provider,
            dependencies=list(request.dependencies),
            additional_secret_outputs=list(request.additionalSecretOutputs),
            version=request.version,
            download_url=request.pluginDownloadURL,
            source_position=goals.position(request.sourcePosition, self._root),
        )
        if not self._deployment.preview and request.id == wire.UNKNOWN_TEXT:
            raise RegistrationError(f"{request.type} {request.name} cannot be looked up: its id is not known")
        resource = await self._deployment.read(goal, request.id)
        known = "" if resource.id == wire.UNKNOWN_TEXT else resource.id
        response = resource_pb2.ReadResourceResponse(urn=resource.urn, id=known)
        wire.fill(response.properties, resource.outputs, Peer(request.acceptSecrets, request.acceptResources))
        return response

    async def ExistsResource(self, request: Any, context: Any) -> Any:  # noqa: N802
        return await self._refuse(context, f"asking whether a resource exists ({request.type})")

    # --- functions

    async def Invoke(self, request: Any, context: Any) -> Any:  # noqa: N802
        return await self._answer(context, "", self._invoke(request))

    async def _invoke(self, request: Any) -> Any:
        deployment = self._deployment
        if request.packageRef:
            raise UnsupportedError(f"parameterized packages ({request.tok})")
        if any(deployment.unknown_yet(urn) for urn in request.dependsOn):
            return resource_pb2.ResourceInvokeResponse(unknown=True)
        arguments = wire.decode(request.args)
        if request.tok.startswith("pulumi:pulumi:"):
            result = builtins_.invoke(request.tok, arguments, deployment)
        else:
            result = await self._invoke_provider(request, arguments)
        response = resource_pb2.ResourceInvokeResponse()
        wire.fill(getattr(response, "return"), result.properties, Peer(references=request.acceptResources))
        _fill_failures(response, result)
        return response

    async def _invoke_provider(self, request: Any, arguments: dict[str, Any]) -> Invoked:
        package = urns.package_of(request.tok)
        reference = request.provider or await self._deployment.default_provider(
            package, request.version, request.pluginDownloadURL
        )
        return await self._provider(reference).invoke(request.tok, arguments, preview=self._deployment.preview)

    async def Call(self, request: Any, context: Any) -> Any:  # noqa: N802
        return await self._answer(context, "", self._call(request))

    async def _call(self, request: Any) -> Any:
        deployment = self._deployment
        arguments = wire.decode(request.args, outputs=True)
        target = getattr(arguments.get("__self__"), "urn", "")
        goal = deployment.generator.seen.goals.get(target)
        package = urns.package_of(request.tok)
        reference = request.provider or (goal.providers.get(package) if goal else "")
        if not reference:
            reference = await deployment.default_provider(package, request.version, request.pluginDownloadURL)
        call = provider_pb2.CallRequest(
            tok=request.tok,
            project=deployment.project,
            stack=deployment.stack,
            organization=ORGANIZATION,
            config=deployment.config.values,
            configSecretKeys=sorted(deployment.config.secret_keys),
            dryRun=deployment.preview,
            parallel=max(deployment.parallel, 1),
            monitorEndpoint=self.address,
            accepts_output_values=True,
        )
        for key, each in request.argDependencies.items():
            call.argDependencies[key].urns.extend(each.urns)
        result = await self._provider(reference).call(call, arguments)
        response = provider_pb2.CallResponse()
        wire.fill(getattr(response, "return"), result.properties, Peer(outputs=request.accept_output_values))
        for key, each in result.dependencies.items():
            response.returnDependencies[key].urns.extend(each)
        _fill_failures(response, result)
        return response

    def _provider(self, reference: str) -> Provider:
        provider = self._deployment.registry.get(reference)
        if provider is None:
            raise RegistrationError(f"unknown provider '{reference}'")
        return provider

    # --- refused by name

    async def RegisterStackTransform(self, request: Any, context: Any) -> Any:  # noqa: N802, ARG002
        return await self._refuse(context, "stack transforms")

    async def RegisterStackInvokeTransform(self, request: Any, context: Any) -> Any:  # noqa: N802, ARG002
        return await self._refuse(context, "invoke transforms")

    async def RegisterResourceHook(self, request: Any, context: Any) -> Any:  # noqa: N802
        return await self._refuse(context, f"resource hooks ({request.name})")

    async def RegisterErrorHook(self, request: Any, context: Any) -> Any:  # noqa: N802
        return await self._refuse(context, f"error hooks ({request.name})")

    async def RegisterPackage(self, request: Any, context: Any) -> Any:  # noqa: N802
        return await self._refuse(context, f"parameterized packages ({request.name})")

    # --- the program's end, and its messages

    async def SignalAndWaitForShutdown(self, request: Any, context: Any) -> Any:  # noqa: N802, ARG002
        await self._deployment.program_is_done()
        return empty_pb2.Empty()

    async def Log(self, request: Any, context: Any) -> Any:  # noqa: N802, ARG002
        self._deployment.log(_SEVERITIES[request.severity], request.urn, request.message, ephemeral=request.ephemeral)
        return empty_pb2.Empty()

    async def SetRootResource(self, request: Any, context: Any) -> Any:  # noqa: N802, ARG002
        self._root_urn = request.urn
        return engine_pb2.SetRootResourceResponse()

    async def GetRootResource(self, request: Any, context: Any) -> Any:  # noqa: N802, ARG002
        return engine_pb2.GetRootResourceResponse(urn=self._root_urn)

    async def StartDebugging(self, request: Any, context: Any) -> Any:  # noqa: N802, ARG002
        return await self._refuse(context, "attaching a debugger")

    async def RequirePulumiVersion(self, request: Any, context: Any) -> Any:  # noqa: N802, ARG002
        return engine_pb2.RequirePulumiVersionResponse()


def _fill_failures(response: Any, result: Invoked) -> None:
    for failure in result.failures:
        response.failures.add(property=failure.property, reason=failure.reason)
