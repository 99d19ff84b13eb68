"""SageMaker's transform jobs in memory: jobs end and calls fail when the test says so."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from localcloud.operator.sagemaker import ApiError, CallError, SageMaker, check_complete

Json = dict[str, Any]

ACCOUNT = "123456789012"
REGION = "us-east-1"
NOT_FOUND = "Could not find requested job with name: {name}"


@dataclass
class Fault:
    """How calls of one operation fail: so many times, before or after they have done their work."""

    operation: str
    code: str
    message: str
    times: int
    status: int = 400
    after_effect: bool = False


@dataclass(frozen=True)
class Call:
    operation: str
    name: str
    region: str


class FakeSageMaker:
    """Jobs of one account in all regions."""

    def __init__(self) -> None:
        self.jobs: dict[tuple[str, str], Json] = {}
        self.requests: dict[str, Json] = {}
        self.calls: list[Call] = []
        self.created: list[str] = []
        self.fills_in = True
        self.stops_at_once = False
        self.not_found = NOT_FOUND
        self.on_create: Callable[[str], None] = lambda _name: None
        self._faults: list[Fault] = []
        self._lock = threading.RLock()

    # What a test arranges and asks

    def fail(
        self,
        operation: str,
        code: str,
        message: str,
        *,
        times: int = 1_000_000,
        status: int = 400,
        after_effect: bool = False,
    ) -> None:
        with self._lock:
            self._faults.append(Fault(operation, code, message, times, status, after_effect))

    def heal(self) -> None:
        with self._lock:
            self._faults.clear()

    def settle(self, name: str, status: str, reason: str | None = None, region: str = REGION) -> None:
        """Put a job into a state."""
        with self._lock:
            job = self.jobs[region, name]
            job["TransformJobStatus"] = status
            if reason:
                job["FailureReason"] = reason

    def forget(self) -> None:
        """Lose all jobs, as an endpoint without a disk does when it is started anew."""
        with self._lock:
            self.jobs.clear()
            self.created.clear()

    def add(self, request: Json, status: str = "InProgress", region: str = REGION) -> None:
        """A job that somebody else started."""
        with self._lock:
            self.jobs[region, request["TransformJobName"]] = self._described(request, region, status)

    def status(self, name: str, region: str = REGION) -> str:
        with self._lock:
            return self.jobs[region, name]["TransformJobStatus"]

    def operations(self, name: str) -> list[str]:
        with self._lock:
            return [call.operation for call in self.calls if call.name == name]

    def count(self, operation: str, name: str) -> int:
        return self.operations(name).count(operation)

    # The API

    def in_region(self, region: str) -> FakeJobs:
        return FakeJobs(self, region)

    def call(self, operation: str, region: str, request: Json) -> Json:
        """One call, as the endpoint answers it.

        Raises:
            ApiError: what SageMaker would answer, or what the test arranged.
        """
        name = request.get("TransformJobName", "")
        with self._lock:
            self.calls.append(Call(operation, name, region))
            fault = next((fault for fault in self._faults if fault.operation == operation and fault.times > 0), None)
            if fault is not None:
                fault.times -= 1
                if not fault.after_effect:
                    raise ApiError(operation, fault.code, fault.message, status=fault.status, request_id="fake")
        answer = self._answer(operation, region, name, request)
        if fault is not None:
            raise ApiError(operation, fault.code, fault.message, status=fault.status, request_id="fake")
        return answer

    def _answer(self, operation: str, region: str, name: str, request: Json) -> Json:
        if operation == "CreateTransformJob":
            self.on_create(name)
            return self._create(region, name, request)
        with self._lock:
            if (region, name) not in self.jobs:
                raise ApiError(operation, "ValidationException", self.not_found.format(name=name), request_id="fake")
            job = self.jobs[region, name]
            if operation == "DescribeTransformJob":
                return copy.deepcopy(job)
            if job["TransformJobStatus"] != "InProgress":
                message = (
                    f"The request was rejected because the transform job is in status {job['TransformJobStatus']}."
                )
                raise ApiError(operation, "ValidationException", message, request_id="fake")
            job["TransformJobStatus"] = "Stopped" if self.stops_at_once else "Stopping"
            return {}

    def _create(self, region: str, name: str, request: Json) -> Json:
        with self._lock:
            if (region, name) in self.jobs:
                arn = self.jobs[region, name]["TransformJobArn"]
                message = f"Job name must be unique within an AWS account and region, and a job with this name already exists ({arn})"
                raise ApiError("CreateTransformJob", "ResourceInUse", message, request_id="fake")
            self.created.append(name)
            self.requests[name] = copy.deepcopy(request)
            self.jobs[region, name] = self._described(request, region, "InProgress")
            return {"TransformJobArn": self.jobs[region, name]["TransformJobArn"]}

    def _described(self, request: Json, region: str, status: str) -> Json:
        job = {key: copy.deepcopy(value) for key, value in request.items() if key != "Tags"}
        if self.fills_in:
            job["TransformInput"] = {"CompressionType": "None", "SplitType": "None", **job["TransformInput"]}
            job["TransformOutput"] = {"AssembleWith": "None", "KmsKeyId": "", **job["TransformOutput"]}
            job.setdefault("DataProcessing", {"InputFilter": "$", "OutputFilter": "$", "JoinSource": "None"})
        arn = f"arn:aws:sagemaker:{region}:{ACCOUNT}:transform-job/{request['TransformJobName']}"
        return job | {"TransformJobArn": arn, "TransformJobStatus": status, "CreationTime": 1_700_000_000}


class FakeJobs(SageMaker):
    """One region of it, without HTTP between."""

    def __init__(self, sagemaker: FakeSageMaker, region: str) -> None:
        self._sagemaker, self._region = sagemaker, region

    def describe(self, name: str) -> Json:
        return self._sagemaker.call("DescribeTransformJob", self._region, {"TransformJobName": name})

    def create(self, request: Json) -> str:
        check_complete(request)
        return self._sagemaker.call("CreateTransformJob", self._region, request)["TransformJobArn"]

    def stop(self, name: str) -> None:
        self._sagemaker.call("StopTransformJob", self._region, {"TransformJobName": name})

    def peek(self, name: str) -> str | None:
        try:
            return self.describe(name)["TransformJobStatus"]
        except ApiError as error:
            return "" if error.not_found else None
        except CallError:
            return None
