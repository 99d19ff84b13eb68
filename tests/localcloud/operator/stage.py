"""A stage for testing a controller: an API server, an AWS endpoint and the controller between them.

It is in memory for speed, or has a real API server and processes to confirm the results. With OPERATOR_COMMAND set,
another controller takes the operator's place, so that the two can be compared.
"""

from __future__ import annotations

import copy
import os
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import urllib3

from localcloud.kube import KubeApi, KubernetesError, load_kubeconfig
from localcloud.operator.controller import Controller
from localcloud.operator.fields import API_VERSION, KIND, spec_fields
from localcloud.operator.reconciler import Reconciler
from localcloud.operator.resource import Owner, TransformJobObjects
from localcloud.operator.sync import Policy
from tests.localcloud.operator import definition
from tests.localcloud.operator.fake_cluster import FakeCluster
from tests.localcloud.operator.fake_endpoint import FakeEndpoint
from tests.localcloud.operator.fake_sagemaker import ACCOUNT, REGION, FakeSageMaker

Json = dict[str, Any]

SPEC: Json = {
    "modelName": "churn",
    "transformInput": {
        "contentType": "text/csv",
        "splitType": "Line",
        "compressionType": "None",
        "dataSource": {"s3DataSource": {"s3DataType": "S3Prefix", "s3URI": "s3://bucket/input/"}},
    },
    "transformOutput": {"s3OutputPath": "s3://bucket/output/", "assembleWith": "Line"},
    "transformResources": {"instanceType": "ml.m5.large", "instanceCount": 1},
}
CHART_TAGS = (
    "services.k8s.aws/controller-version=%CONTROLLER_SERVICE%-%CONTROLLER_VERSION%",
    "services.k8s.aws/namespace=%K8S_NAMESPACE%",
    "app.kubernetes.io/managed-by=%MANAGED_BY%",
    "kro.run/kro-version=%KRO_VERSION%",
)


def manifest(
    name: str, namespace: str, changes: Json, annotations: Mapping[str, str], labels: Mapping[str, str]
) -> Json:
    spec = copy.deepcopy(SPEC) | {"transformJobName": name} | changes
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {
            "name": name,
            "namespace": namespace,
            "annotations": dict(annotations),
            "labels": dict(labels),
        },
        "spec": {member: value for member, value in spec.items() if value is not None},
    }


class Kubectl(Protocol):
    """What a user does to objects."""

    def create(self, body: Json) -> None: ...
    def change(self, namespace: str, name: str, change: Json) -> None: ...
    def delete(self, namespace: str, name: str, *, foreground: bool = False) -> None: ...
    def find(self, namespace: str, name: str) -> Json | None: ...


class Stage:
    """One test's stage; its objects are in a namespace of its own."""

    # How long the controller may take to notice what AWS did by itself, and what a user did.
    patience = 20.0
    # How long a test waits for an event that must not come.
    pause = 0.3
    namespace = "default"
    kubectl: Kubectl

    def __init__(self) -> None:
        self.aws = FakeSageMaker()

    def start(self, *arguments: str) -> None:
        raise NotImplementedError

    def kill(self) -> None:
        """End the controller without a chance to tidy up."""
        raise NotImplementedError

    def close(self) -> None:
        self.kill()

    def annotate_namespace(self, **annotations: str) -> None:
        raise NotImplementedError

    # What tests say

    def create(
        self,
        name: str = "churn",
        *,
        annotations: Mapping[str, str] | None = None,
        labels: Mapping[str, str] | None = None,
        **spec: Any,
    ) -> None:
        self.kubectl.create(manifest(name, self.namespace, spec, annotations or {}, labels or {}))

    def request(self, name: str = "churn", **changes: Any) -> Json:
        """The API request that equals the default object's spec."""
        return {
            "TransformJobName": name,
            "ModelName": "churn",
            "TransformInput": {
                "ContentType": "text/csv",
                "SplitType": "Line",
                "CompressionType": "None",
                "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://bucket/input/"}},
            },
            "TransformOutput": {"S3OutputPath": "s3://bucket/output/", "AssembleWith": "Line"},
            "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
        } | changes

    def change(self, name: str = "churn", **change: Any) -> None:
        self.kubectl.change(self.namespace, name, change)

    def delete(self, name: str = "churn", *, foreground: bool = False) -> None:
        self.kubectl.delete(self.namespace, name, foreground=foreground)

    def find(self, name: str = "churn") -> Json | None:
        return self.kubectl.find(self.namespace, name)

    def wait(self, condition: Callable[[Json], object], name: str = "churn", *, seconds: float | None = None) -> Json:
        """The object as soon as the condition holds for it."""
        return self._until(lambda: self.find(name) or {}, condition, seconds)

    def wait_gone(self, name: str = "churn", *, seconds: float | None = None) -> None:
        self._until(lambda: {"found": self.find(name)}, lambda it: it["found"] is None, seconds)

    def wait_status(self, status: str, name: str = "churn", *, seconds: float | None = None) -> Json:
        return self.wait(lambda it: it.get("status", {}).get("transformJobStatus") == status, name, seconds=seconds)

    def wait_condition(self, kind: str, status: str = "True", name: str = "churn") -> Json:
        """The condition of this kind once it has this status."""
        found = self.wait(lambda it: conditions(it).get(kind, {}).get("status") == status, name)
        return conditions(found)[kind]

    def wait_calls(self, operation: str, count: int = 1, name: str = "churn", *, seconds: float | None = None) -> None:
        self._until(
            lambda: {"calls": self.aws.operations(name)}, lambda it: it["calls"].count(operation) >= count, seconds
        )

    def rest(self) -> None:
        """Wait long enough for an event that must not come."""
        time.sleep(self.pause)

    def _until(self, look: Callable[[], Json], condition: Callable[[Json], object], seconds: float | None) -> Json:
        deadline = time.monotonic() + (self.patience if seconds is None else seconds)
        while True:
            found = look()
            if condition(found):
                return found
            assert time.monotonic() < deadline, f"not reached; at last: {found}, calls: {self.aws.calls[-8:]}"
            time.sleep(0.01)


def conditions(job: Json) -> dict[str, Json]:
    return {condition["type"]: condition for condition in job.get("status", {}).get("conditions", [])}


def said(job: Json, *, without: tuple[str, ...] = ("lastTransitionTime",)) -> list[Json]:
    """The conditions in their order, without their times."""
    listed = job.get("status", {}).get("conditions", [])
    return [{name: value for name, value in condition.items() if name not in without} for condition in listed]


class MemoryStage(Stage):
    """Everything in this process."""

    pause = 0.1

    def __init__(self) -> None:
        super().__init__()
        self.cluster = FakeCluster()
        self.kubectl = self.cluster
        self.policy = Policy(version="1.9.1", resource_tags=CHART_TAGS)
        self.workers = 2
        self._controller: Controller | None = None
        self._thread = threading.Thread()

    def start(self, *arguments: str) -> None:
        assert not arguments
        spec_fields()  # reading the large model takes seconds on a busy machine: not at the cost of a test's patience
        reconciler = Reconciler(
            self.cluster,
            lambda region, _endpoint: self.aws.in_region(region),
            Owner(ACCOUNT, "aws", REGION),
            self.policy,
            sleep=lambda seconds: time.sleep(seconds / 50),
        )
        self._controller = Controller(self.cluster, reconciler, reconciler.log, workers=self.workers)
        self._thread = threading.Thread(target=self._controller.run, daemon=True)
        self._thread.start()

    def kill(self) -> None:
        if self._controller is not None:
            self._controller.stop()
            self._controller.queue.shut_down()
            self._thread.join(10)
            self._controller = None

    def annotate_namespace(self, **annotations: str) -> None:
        self.cluster.namespaces[self.namespace] = annotations


class ServerKubectl:
    """A user at a real API server."""

    def __init__(self, kubeconfig: Path) -> None:
        connection = load_kubeconfig(kubeconfig)
        self._server = connection.server
        self._http = urllib3.PoolManager(ssl_context=connection.context, retries=False)
        self._api = TransformJobObjects(KubeApi(connection))

    def create(self, body: Json) -> None:
        self.post(f"/apis/{API_VERSION}/namespaces/{body['metadata']['namespace']}/transformjobs", body)

    def change(self, namespace: str, name: str, change: Json) -> None:
        self._api.patch(namespace, name, change)

    def delete(self, namespace: str, name: str, *, foreground: bool = False) -> None:
        options = {"propagationPolicy": "Foreground" if foreground else "Background"}
        self._send("DELETE", f"/apis/{API_VERSION}/namespaces/{namespace}/transformjobs/{name}", options)

    def find(self, namespace: str, name: str) -> Json | None:
        try:
            return self._api.get(namespace, name)
        except KubernetesError as error:
            if error.not_found:
                return None
            raise

    def clear(self, namespace: str) -> None:
        """Take all objects of a namespace away, whatever holds them."""
        path = f"/apis/{API_VERSION}/namespaces/{namespace}/transformjobs"
        self._send("DELETE", path)
        for held in self._send("GET", path)["items"]:
            try:
                self._api.patch(namespace, held["metadata"]["name"], {"metadata": {"finalizers": None}})
            except KubernetesError as error:
                if not error.not_found:
                    raise

    def post(self, path: str, body: Json) -> Json:
        return self._send("POST", path, body)

    def patch(self, path: str, body: Json) -> Json:
        return self._send("PATCH", path, body, kind="application/merge-patch+json")

    def install(self, crd: Json) -> None:
        path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
        self.post(path, crd)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            status = self._send("GET", f"{path}/{crd['metadata']['name']}").get("status", {})
            if any(
                entry["type"] == "Established" and entry["status"] == "True" for entry in status.get("conditions") or ()
            ):
                return
            time.sleep(0.05)
        raise AssertionError(f"{crd['metadata']['name']} was not established")

    def _send(self, method: str, path: str, body: Json | None = None, kind: str = "application/json") -> Json:
        response = self._http.request(
            method, self._server + path, json=body, headers={"Content-Type": kind, "Accept": "application/json"}
        )
        if response.status >= 400:
            raise KubernetesError(f"{method} {path}: {response.data.decode()}", response.status)
        return response.json()


class ServerStage(Stage):
    """A real API server, the fake endpoint behind HTTP, the controller as a process.

    The process is there for stage after stage; a stage whose controller has arguments of its own starts one for itself.
    """

    # Below the 30 s after which a controller looks by itself at a job that runs.
    patience = float(os.environ.get("OPERATOR_PATIENCE", "25"))
    _numbers = iter(range(1_000_000))

    def __init__(self, operator: OperatorProcess) -> None:
        super().__init__()
        self.operator = operator
        self.kubectl = self.server = ServerKubectl(operator.kubeconfig)
        self.namespace = f"test-{os.getpid()}-{next(self._numbers)}"
        self.server.post("/api/v1/namespaces", {"metadata": {"name": self.namespace}})
        operator.endpoint.sagemaker = self.aws

    def start(self, *arguments: str) -> None:
        self.operator.start(*arguments)

    def kill(self) -> None:
        self.operator.kill()

    def close(self) -> None:
        """Take the objects away; the controller, if it runs, has then made its last call for them."""
        self.server.clear(self.namespace)
        if self.operator.runs:
            self.create("last", annotations={"services.k8s.aws/adoption-policy": "none"})  # it asks AWS nothing
            self.wait_condition("ACK.Terminal", name="last")
            self.server.clear(self.namespace)

    def annotate_namespace(self, **annotations: str) -> None:
        self.server.patch(f"/api/v1/namespaces/{self.namespace}", {"metadata": {"annotations": annotations}})


class OperatorProcess:
    """The controller as a process that watches all namespaces, and the endpoint that it knows."""

    def __init__(self, kubeconfig: Path, folder: Path) -> None:
        self.kubeconfig, self._folder = kubeconfig, folder
        self.endpoint = FakeEndpoint(FakeSageMaker())
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
            "KUBECONFIG": str(kubeconfig),
            "AWS_REGION": REGION,
            "AWS_ENDPOINT_URL": self.endpoint.url,
            "AWS_ACCESS_KEY_ID": "LOCALCLOUDADMIN",
            "AWS_SECRET_ACCESS_KEY": "localcloud",
        }
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def runs(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self, *arguments: str) -> None:
        """Start it, unless it runs and is as it always is."""
        if self.runs and not arguments:
            return
        self.kill()
        command = shlex.split(os.environ.get("OPERATOR_COMMAND", "")) or [sys.executable, "-m", "localcloud.operator"]
        flags = [
            "--aws-region", REGION, "--aws-endpoint-url", "",
            "--reconcile-resources", "TransformJob", "--resource-tags", ",".join(CHART_TAGS),
        ]  # fmt: skip
        extra = shlex.split(os.environ.get("OPERATOR_FLAGS", ""))
        with (self._folder / "operator.log").open("ab") as log:
            before = log.tell()
            self._process = subprocess.Popen(
                [*command, *flags, *extra, *arguments], env=self.environment, stderr=log, stdout=log
            )
        self._wait_until_started(self._process, before)

    def _wait_until_started(self, process: subprocess.Popen[bytes], before: int) -> None:
        """Starting takes seconds on a busy machine: not at the cost of a test's patience. Another program may not tell."""
        deadline = time.monotonic() + (10 if "OPERATOR_COMMAND" in os.environ else 60)
        while b"Starting workers" not in (self._folder / "operator.log").read_bytes()[before:]:
            if process.poll() is not None or time.monotonic() > deadline:
                return
            time.sleep(0.02)

    def kill(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None

    def terminate(self) -> int:
        """Ask the operator to end; its exit code."""
        assert self._process is not None
        self._process.terminate()
        return self.exit_code()

    def exit_code(self) -> int:
        assert self._process is not None
        return self._process.wait(60)

    def log(self) -> str:
        return (self._folder / "operator.log").read_text()

    def close(self) -> None:
        self.kill()
        self.endpoint.close()


def install_definitions(kubeconfig: Path) -> None:
    ServerKubectl(kubeconfig).install(definition.committed())
