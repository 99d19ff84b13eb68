"""Random interleavings of users, faults and kills; whatever happens, nothing is lost and nothing runs twice."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from typing import Any

import pytest

from localcloud.kube import KubernetesError
from localcloud.operator.reconciler import Reconciler
from localcloud.operator.resource import FINALIZER, Key, Owner, TransformJobObjects
from localcloud.operator.sagemaker import CallError
from localcloud.operator.sync import Policy
from tests.localcloud.operator.fake_cluster import FakeCluster
from tests.localcloud.operator.fake_sagemaker import ACCOUNT, REGION, FakeJobs, FakeSageMaker
from tests.localcloud.operator.stage import conditions, manifest

Json = dict[str, Any]

STEPS = 60


class Killed(BaseException):
    """The process ends here, whatever it was doing."""


class Trouble:
    """Lets a call be lost, fail, or be the last thing that the process does, before or after its effect."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        self.likelihood = 0.0

    def around(self, error: Exception, call: Callable[[], Any]) -> Any:
        if self._dice.random() >= self.likelihood:
            return call()
        if self._dice.random() < 0.5:
            call()
        raise error if self._dice.random() < 0.6 else Killed


class TroubledCluster(TransformJobObjects):
    """The API server as the operator sees it on a bad day."""

    def __init__(self, cluster: FakeCluster, trouble: Trouble, dice: random.Random) -> None:
        self._cluster, self._trouble, self._dice = cluster, trouble, dice

    def get(self, namespace: str, name: str) -> Json:
        return self._try(lambda: self._cluster.get(namespace, name))

    def patch(self, namespace: str, name: str, change: Json) -> Json:
        return self._try(lambda: self._cluster.patch(namespace, name, change))

    def patch_status(self, namespace: str, name: str, change: Json) -> Json:
        return self._try(lambda: self._cluster.patch_status(namespace, name, change))

    def namespace_annotations(self, namespace: str) -> dict[str, str]:
        return self._try(dict)

    def _try(self, call: Callable[[], Any]) -> Any:
        status = self._dice.choice([0, 409, 429, 500])
        return self._trouble.around(KubernetesError("trouble", status), call)


class TroubledJobs(FakeJobs):
    """SageMaker likewise; a throttled call never has an effect, any other failure may."""

    def __init__(self, sagemaker: FakeSageMaker, trouble: Trouble, dice: random.Random) -> None:
        super().__init__(sagemaker, REGION)
        self._aws, self._trouble, self._dice = sagemaker, trouble, dice

    def describe(self, name: str) -> Json:
        return self._try("DescribeTransformJob", lambda: super(TroubledJobs, self).describe(name))

    def create(self, request: Json) -> str:
        return self._try("CreateTransformJob", lambda: super(TroubledJobs, self).create(request))

    def stop(self, name: str) -> None:
        self._try("StopTransformJob", lambda: super(TroubledJobs, self).stop(name))

    def _try(self, operation: str, call: Callable[[], Any]) -> Any:
        if self._dice.random() < self._trouble.likelihood / 2:
            self._aws.fail(operation, "ThrottlingException", "Rate exceeded", times=1)
        elif self._dice.random() < self._trouble.likelihood / 2:
            self._aws.fail(
                operation, "InternalFailure", "oops", times=1, status=500, after_effect=self._dice.random() < 0.5
            )
        return self._trouble.around(CallError("connection lost"), call)


class Walk:
    """One walk: steps taken at random, the operator's looks among them."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)  # noqa: S311  to be repeated, not to be secret
        self.cluster, self.aws, self.trouble = FakeCluster(), FakeSageMaker(), Trouble(self.dice)
        self.names: list[str] = []
        self.reconciler = self._process()

    def _process(self) -> Reconciler:
        jobs = TroubledJobs(self.aws, self.trouble, self.dice)
        return Reconciler(
            TroubledCluster(self.cluster, self.trouble, self.dice),
            lambda _region, _endpoint: jobs,
            Owner(ACCOUNT, "aws", REGION),
            Policy(version="1.9.1"),
            sleep=lambda _seconds: None,
        )

    def run(self) -> None:
        for _ in range(STEPS):
            self.dice.choices([self.create, self.delete, self.end, self.look], weights=[2, 1, 2, 8])[0]()
            self.check_held()
        self.settle_down()
        self.check_end()

    # Steps

    def create(self) -> None:
        name = f"job-{len(self.names)}"
        self.names.append(name)
        adopt = {"services.k8s.aws/adoption-policy": "adopt-or-create"} if self.dice.random() < 0.5 else {}
        unset = {"transformInput": {"dataSource": {"s3DataSource": {"s3DataType": "S3Prefix", "s3URI": "s3://b/i"}}}}
        self.cluster.create(manifest(name, "default", unset if self.dice.random() < 0.2 else {}, adopt, {}))

    def delete(self) -> None:
        there = [name for name in self.names if self.cluster.find("default", name)]
        if there:
            self.cluster.delete("default", self.dice.choice(there), foreground=False)

    def end(self) -> None:
        """A job moves on by itself."""
        moving = [
            (name, job)
            for (_, name), job in self.aws.jobs.items()
            if job["TransformJobStatus"] in {"InProgress", "Stopping"}
        ]
        if moving:
            name, job = self.dice.choice(moving)
            stopping = job["TransformJobStatus"] == "Stopping"
            self.aws.settle(name, "Stopped" if stopping else self.dice.choice(["Completed", "Failed"]))

    def look(self) -> None:
        if self.names:
            self.trouble.likelihood = self.dice.choice([0.0, 0.1, 0.4])
            self.reconcile(self.dice.choice(self.names))
            self.trouble.likelihood = 0.0

    def reconcile(self, name: str) -> bool:
        """One look; whether another is wanted soon."""
        try:
            result = self.reconciler.reconcile(Key("default", name))
        except KubernetesError:
            return True
        except Killed:
            self.reconciler = self._process()
            return True
        return result.error is not None or result.requeue_after == 0.0

    def settle_down(self) -> None:
        """No more trouble: every job ends, and every object is looked at until there is nothing left to do."""
        self.aws.heal()
        for _ in range(6):
            for name in self.names:
                self.reconcile(name)
            for (_, name), job in self.aws.jobs.items():
                if job["TransformJobStatus"] == "Stopping":
                    self.aws.settle(name, "Stopped")

    # What must hold

    def check_held(self) -> None:
        """Whoever has a running job has the finalizer: it cannot go unnoticed."""
        for (_, name), job in self.aws.jobs.items():
            if job["TransformJobStatus"] == "InProgress":
                held = self.cluster.find("default", name)
                assert held is not None, f"{name} runs and its object is gone"
                assert FINALIZER in held["metadata"].get("finalizers", []), f"{name} runs and nothing holds its object"

    def check_end(self) -> None:
        for name in self.names:
            assert self.aws.created.count(name) <= 1, f"{name} was created more than once"
            found = self.cluster.find("default", name)
            if found is None:
                continue
            assert "deletionTimestamp" not in found["metadata"], f"{name} was never let go: {found}"
            assert self.aws.created.count(name) == 1, f"{name} was never created"
            assert found["status"]["transformJobStatus"] == self.aws.status(name)
            self._check_conditions(name, found)

    def _check_conditions(self, name: str, found: Json) -> None:
        shown = conditions(found)
        assert shown.get("ACK.Terminal", {}).get("status") != "True", f"{name}: {shown}"
        assert found["spec"]["transformInput"].get("splitType"), f"{name}: {found['spec']}"
        ended = "False" if self.aws.status(name) == "InProgress" else "True"
        assert shown["Ready"]["status"] == ended, f"{name}: {shown}"


@pytest.mark.parametrize("part", range(4))
def test_nothing_is_lost_and_nothing_runs_twice(part: int) -> None:
    walks(int(os.environ.get("WALK_SEED", "0")) + part * 1_000_000, 10)


@pytest.mark.soak
def test_nothing_is_lost_in_many_more_walks() -> None:
    seed = int(os.environ.get("WALK_SEED") or random.SystemRandom().randrange(2**32))
    print(f"WALK_SEED={seed}")
    walks(seed, 10_000)


def walks(seed: int, count: int) -> None:
    for number in range(seed, seed + count):
        try:
            Walk(number).run()
        except AssertionError as error:
            raise AssertionError(f"WALK_SEED={number}: {error}") from error
