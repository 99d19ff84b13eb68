"""Runs of the whole program with the jobs of a test."""

from collections.abc import Callable, Mapping
from typing import Any
from unittest.mock import patch

from jobs import declared
from jobs.arguments import TransformJobArgs
from jobs.declaration import Jobs
from tests.program.harness import COMPLETED, Graph, deploy

JOB = "kubernetes:sagemaker.services.k8s.aws/v1alpha1:TransformJob"
OBJECT = "aws:s3/bucketObjectv2:BucketObjectv2"
CSV = "model/batch_input.csv"
FAILED = {"transformJobStatus": "Failed", "failureReason": "ClientError: See job logs for more information"}


def run(*declarations: Callable[[Jobs], object], **options: Any) -> Graph:
    with patch.object(declared, "DECLARATIONS", declarations):
        return deploy(**options)


def two(jobs: Jobs) -> None:
    jobs.add("good", TransformJobArgs(input=CSV))
    jobs.add("bad", TransformJobArgs(input=CSV, batch_strategy="SingleRecord"))


def statuses(**by_name: Mapping[str, Any] | None) -> Callable[[str], Mapping[str, Any] | None]:
    return lambda name: by_name.get(name, COMPLETED)
