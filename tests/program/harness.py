"""Runs the whole program against a recording monitor, and gives back the graph that it registers.

The monitor keeps each request, so that tests see what the engine would see: not only inputs, but also options, dependencies
and providers. Outputs are those that AWS and the cluster would return; in a preview they are unknown.
"""

import asyncio
import json
import logging
import runpy
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import grpc
import yaml
from google.protobuf import json_format
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime import config as runtime_config
from pulumi.runtime import mocks, rpc, settings, stack
from pulumi.runtime.proto import resource_pb2

from jobs import account
from lookups import logs, quotas, s3
from lookups.quotas import Quota

ROOT = Path(__file__).resolve().parents[2]
PROJECT = "sagemaker-batch-workshop"
ACCOUNT = "123456789012"
COMPLETED = {"transformJobStatus": "Completed", "conditions": [{"type": "ACK.ResourceSynced", "status": "True"}]}

Status = Callable[[str], Mapping[str, Any] | None]
"""Gives the status that the operator would write for a declared name."""
Answer = Callable[[Mapping[str, Any]], dict[str, Any]]
"""Gives what a function answers to its arguments; a ValueError is its refusal."""


@dataclass(frozen=True)
class Registered:
    """A resource as it is registered with the engine."""

    type: str
    name: str
    urn: str
    inputs: Mapping[str, Any]
    parent: str
    provider: str
    dependencies: frozenset[str]
    options: Any


@dataclass
class Graph:
    """Everything a run registered, and what it exported and said."""

    resources: dict[str, Registered] = field(default_factory=dict[str, Registered])
    outputs: dict[str, Any] = field(default_factory=dict[str, Any])
    secrets: set[str] = field(default_factory=set[str])
    messages: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])
    error: BaseException | None = None

    def all(self, type_: str) -> list[Registered]:
        return [found for found in self.resources.values() if found.type == type_]

    def one(self, type_: str, name: str | None = None) -> Registered:
        found = [item for item in self.all(type_) if name is None or item.name == name]
        assert len(found) == 1, f"{len(found)} of {type_} {name or ''}: {[item.name for item in self.all(type_)]}"
        return found[0]

    def outlives(self, dependency: Registered, dependent: Registered) -> bool:
        """Say whether destroy keeps the one until the other is gone: a path of dependencies and parents leads there."""
        return dependency.urn in self._reached(dependent.urn)

    def _reached(self, urn: str) -> set[str]:
        reached: set[str] = set()
        ahead = [urn]
        while ahead:
            current = self.resources.get(ahead.pop())
            for following in self._edges(current) if current else ():
                if following not in reached:
                    reached.add(following)
                    ahead.append(following)
        return reached

    def _edges(self, resource: Registered) -> Iterator[str]:
        yield from resource.dependencies
        if resource.parent:
            yield resource.parent
        if resource.provider:
            yield resource.provider.rpartition("::")[0]


ZONES = {
    "us-east-1e": "use1-az3",
    "us-east-1a": "use1-az1",
    "us-east-1b": "use1-az2",
    "us-east-1-bos-1a": "use1-bos1-az1",
}
"""The zones of an account as AWS may list them: one without EKS first, a local zone that needs opting in last."""


def zones(asked: Mapping[str, Any]) -> dict[str, Any]:
    """What getAvailabilityZones answers."""
    excluded = set(asked.get("excludeZoneIds", ()))
    settled = {"name": "opt-in-status", "values": ["opt-in-not-required"]} in asked.get("filters", ())
    names = [
        name for name, zone in ZONES.items() if zone not in excluded and not (settled and zone.startswith("use1-bos1"))
    ]
    return {"names": names, "zoneIds": [ZONES[name] for name in names], "id": "us-east-1"}


EMPTY_ACCOUNT: Mapping[str, Answer] = {
    "getClusters": lambda _: {"names": [], "id": "us-east-1"},
    "readStackResourceOutputs": lambda asked: {"name": asked["stackName"], "outputs": {}},
}
"""What functions that look at what is there already answer before the first `up`."""


class RefusedError(grpc.RpcError):
    """What a function that fails gives to the program: the plugin's words in those of the engine."""

    def __init__(self, token: str, message: str) -> None:
        super().__init__()
        self._text = f"invocation of {token} returned an error: {message}"

    def code(self) -> grpc.StatusCode:
        return grpc.StatusCode.UNKNOWN

    def details(self) -> str:
        return self._text


class Cloud(mocks.Mocks):
    """Answers as AWS and the cluster do; a preview knows no outputs."""

    def __init__(self, status: Status, answers: Mapping[str, Answer], *, preview: bool) -> None:
        self._status = status
        self._answers = {**EMPTY_ACCOUNT, **answers}
        self._preview = preview

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]] | None]:
        return self._answer(args), []

    def _answer(self, args: mocks.MockCallArgs) -> dict[str, Any]:
        if own := self._answers.get(args.token.rpartition(":")[2]):
            try:
                return own(args.args)
            except ValueError as refusal:
                raise RefusedError(args.token, str(refusal)) from refusal
        match args.token:
            case "aws:index/getCallerIdentity:getCallerIdentity":
                return {"accountId": ACCOUNT, "arn": f"arn:aws:iam::{ACCOUNT}:root", "userId": ACCOUNT, "id": ACCOUNT}
            case "aws:index/getPartition:getPartition":
                return {"partition": "aws", "dnsSuffix": "amazonaws.com", "id": "aws"}
            case "aws:index/getAvailabilityZones:getAvailabilityZones":
                return zones(args.args)
            case "aws:sagemaker/getPrebuiltEcrImage:getPrebuiltEcrImage":
                name = f"{args.args['repositoryName']}:{args.args['imageTag']}"
                return {"registryPath": f"683313688378.dkr.ecr.us-east-1.amazonaws.com/{name}", "id": "683313688378"}
            case token:
                raise NotImplementedError(token)

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        if not args.custom and args.typ.startswith("workshop:"):
            return None, {}
        if self._preview and not args.typ.startswith("pulumi:providers:"):
            return None, {}
        return f"{args.name}-id", {**args.inputs, **self._made(args)}

    def _made(self, args: mocks.MockResourceArgs) -> dict[str, Any]:
        match args.typ:
            case "aws:s3/bucket:Bucket":
                return {"bucket": f"{args.name}-1a2b3c4", "arn": f"arn:aws:s3:::{args.name}-1a2b3c4"}
            case "aws:iam/role:Role" | "aws:iam/policy:Policy" | "aws:iam/openIdConnectProvider:OpenIdConnectProvider":
                return {"arn": f"arn:aws:iam::{ACCOUNT}:{_iam_resource(args)}"}
            case "eks:index:Cluster":
                return {"kubeconfigJson": json.dumps({"current-context": args.inputs["name"]})}
            case "kubernetes:sagemaker.services.k8s.aws/v1alpha1:TransformJob":
                return {"status": self._status(args.name)}
            case _:
                return {}


def _iam_resource(args: mocks.MockResourceArgs) -> str:
    """What ends the ARN of an IAM object."""
    match args.typ:
        case "aws:iam/role:Role":
            return f"role/{args.inputs['name']}"
        case "aws:iam/policy:Policy":
            return f"policy{args.inputs['path']}{args.inputs['name']}"
        case _:
            return f"oidc-provider/{args.inputs['url'].removeprefix('https://')}"


class Monitor(mocks.MockMonitor):
    """The mock monitor, keeping what it is asked."""

    def __init__(self, cloud: Cloud, graph: Graph) -> None:
        super().__init__(cloud)
        self._graph = graph
        self._lock = threading.Lock()

    def RegisterResource(self, request: resource_pb2.RegisterResourceRequest) -> Any:  # noqa: N802 the RPC's name
        """Answer by the cloud. References stay plain: made into objects here they would wait for a loop not running."""
        urn = self.make_urn(request.parent, request.type, request.name)
        inputs = plain(json_format.MessageToDict(request.object))
        with self._lock:
            assert urn not in self._graph.resources, f"two resources are {urn}"
            self._graph.resources[urn] = _registered(request, urn, inputs)
        args = mocks.MockResourceArgs(request.type, request.name, inputs, request.provider, custom=request.custom)
        id_, made = self.mocks.new_resource(args)
        return resource_pb2.RegisterResourceResponse(
            urn=urn, id=id_ or "", object=json_format.ParseDict(made, Struct())
        )

    def Invoke(self, request: resource_pb2.ResourceInvokeRequest) -> Any:  # noqa: N802
        args = mocks.MockCallArgs(request.tok, plain(json_format.MessageToDict(request.args)), request.provider)
        found, _ = self.mocks.call(args)
        response = resource_pb2.ResourceInvokeResponse()
        json_format.ParseDict(found, getattr(response, "return"))
        return response

    def RegisterResourceOutputs(self, request: resource_pb2.RegisterResourceOutputsRequest) -> Any:  # noqa: N802
        if "::pulumi:pulumi:Stack::" in request.urn:
            raw = json_format.MessageToDict(request.outputs)
            self._graph.outputs = plain(raw)
            self._graph.secrets = {name for name, value in raw.items() if _signature(value) == Signature.SECRET}
        return super().RegisterResourceOutputs(request)


class Signature(StrEnum):
    """How values that JSON does not have are marked in Pulumi's protocol: the key of the mark, and the marks."""

    KEY = "4dabf18193072939515e22adb298388d"
    SECRET = "1b47061264138c4ac30d75fd1eb44270"
    RESOURCE = "5cf8f73096256a8f31e491e813e4eb8e"


UNKNOWN = "<unknown>"


def plain(value: Any) -> Any:
    """Return a value of the wire as tests like it: secrets opened, references as URNs, unknowns as one word."""
    if isinstance(value, dict):
        match _signature(value):
            case Signature.SECRET:
                return plain(value["value"])
            case Signature.RESOURCE:
                return value["urn"]
            case _:
                return {name: plain(item) for name, item in value.items() if name != Signature.KEY}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return _scalar(value)


def _scalar(value: Any) -> Any:
    whole = isinstance(value, float) and value.is_integer()
    return int(value) if whole else UNKNOWN if value == rpc.UNKNOWN else value


def _signature(value: Any) -> str:
    return value.get(Signature.KEY, "") if isinstance(value, dict) else ""


def _registered(request: resource_pb2.RegisterResourceRequest, urn: str, inputs: Mapping[str, Any]) -> Registered:
    return Registered(
        type=request.type,
        name=request.name,
        urn=urn,
        inputs=inputs,
        parent=request.parent,
        provider=request.provider,
        dependencies=frozenset(request.dependencies),
        options=request,
    )


class Listener(logging.Logger):
    """Keeps what the program tells the engine to show."""

    def __init__(self, graph: Graph) -> None:
        super().__init__("program", logging.INFO)
        self._graph = graph

    def handle(self, record: logging.LogRecord) -> None:
        self._graph.messages.append((record.levelno, record.getMessage()))


@cache  # a second of every ten that tests of the program take would go on reading YAML
def default_config() -> Mapping[str, str]:
    """Return the config that the engine hands to a program of the stack `local`: defaults, then the stack's own."""
    project = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())
    values = {
        f"{PROJECT}:{key}": declared["default"] for key, declared in project["config"].items() if "default" in declared
    }
    values |= yaml.safe_load((ROOT / "Pulumi.local.yaml").read_text())["config"]
    return {key: text(value) for key, value in values.items()}


def text(value: object) -> str:
    """Return a config value as programs get it: text as it is, the rest as JSON."""
    return value if isinstance(value, str) else json.dumps(value)


def deploy(
    program: Callable[[], None] | None = None,
    *,
    config: Mapping[str, object] | None = None,
    preview: bool = False,
    status: Status = lambda _: COMPLETED,
    result_exists: Callable[[str], bool] = lambda _: True,
    last_lines: Callable[[str, int], list[str]] = lambda _, __: [],
    quota: Callable[[str, str], Quota | None] = lambda _, __: None,
    answers: Mapping[str, Answer] | None = None,
    missing_models: Collection[str] = (),
) -> Graph:
    """Run a program, by default the project's own, and return what it registered.

    Args:
        program: what to run.
        config: settings besides those of the stack `local`.
        preview: whether it is a preview, in which outputs are unknown.
        status: what becomes of each job.
        result_exists: says whether there is something at an S3 path.
        last_lines: the end of a job's log.
        quota: the account's quota of an instance type in a region.
        answers: what functions such as `getVpc` answer, by their names.
    """
    graph = Graph()
    cloud = Cloud(status, answers or {}, preview=preview)
    given = {f"{PROJECT}:{key}" if ":" not in key else key: text(value) for key, value in (config or {}).items()}
    settings.configure(_runtime(Monitor(cloud, graph), mocks.MockEngine(Listener(graph)), preview=preview))
    runtime_config.set_all_config({**default_config(), **given})
    try:
        with (
            patch.object(s3, "exists", lambda uri, _: result_exists(uri)),
            patch.object(logs, "last_lines", last_lines),
            patch.object(quotas, "transform", quota),
            patch.object(account, "model_exists", lambda name, _: name not in missing_models),
        ):
            asyncio.run(stack.run_in_stack(program or _main))
    except BaseException as error:  # noqa: BLE001 a failing program is what some tests want to see
        graph.error = error
    return graph


def _runtime(monitor: Monitor, engine: mocks.MockEngine, *, preview: bool) -> mocks.MockSettings:
    """Return what `set_mocks` makes, without its stack: the program's own one is then the only one, as in a real run."""
    features = set(monitor.GetDeploymentInfo(None).supportedFeatures)
    return mocks.MockSettings(
        monitor=monitor,
        monitor_features=features,
        engine=engine,
        project=PROJECT,
        stack="local",
        dry_run=preview,
        organization=None,
        callbacks=None,
        outputs=set[asyncio.Future[Any]](),  # else those of earlier programs, whose loops are closed, are awaited too
    )


def _main() -> None:
    runpy.run_path(str(ROOT / "__main__.py"), run_name="__main__")
