"""The pack speaks Pulumi's analyzer protocol: it answers every call of the official engine."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from google.protobuf import empty_pb2, json_format
from pulumi.runtime.proto import analyzer_pb2, analyzer_pb2_grpc

from policy.rules import ALL
from tests.program.harness import ROOT

MANDATORY = analyzer_pb2.EnforcementLevel.MANDATORY
ADVISORY = analyzer_pb2.EnforcementLevel.ADVISORY
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"  # Pulumi's word for a text that a preview does not know
MODEL = "aws:sagemaker/model:Model"
BUCKET = "aws:s3/bucket:Bucket"


@pytest.fixture(scope="module")
def analyzer() -> Iterator[analyzer_pb2_grpc.AnalyzerStub]:
    """The pack as a process, started as the engine starts it: by folder, without its parent's path."""
    process = subprocess.Popen(
        [sys.executable, "-u", "policy", "127.0.0.1:0", "policy"], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    with grpc.insecure_channel(f"127.0.0.1:{process.stdout.readline().strip()}") as channel:
        yield analyzer_pb2_grpc.AnalyzerStub(channel)
    process.terminate()
    process.wait()
    process.stdout.close()


def request(type_: str, properties: dict[str, Any]) -> Any:
    urn = f"urn:pulumi:dev::p::{type_}::x"
    made = analyzer_pb2.AnalyzeRequest(type=type_, urn=urn, name="x")
    json_format.ParseDict(properties, made.properties)
    return made


def test_every_rule_is_a_mandatory_policy_that_names_its_controls(analyzer: Any) -> None:
    info = analyzer.GetAnalyzerInfo(empty_pb2.Empty())
    assert info.name == "batch-inference-controls"
    assert {policy.name: policy.enforcementLevel for policy in info.policies} == {rule.name: MANDATORY for rule in ALL}
    assert all(policy.description for policy in info.policies)


def test_a_bad_resource_is_stopped_before_it_is_created(analyzer: Any) -> None:
    (found,) = analyzer.Analyze(request(MODEL, {"executionRoleArn": "r"})).diagnostics
    assert (found.policyName, found.enforcementLevel) == ("sagemaker-network-isolation", MANDATORY)
    assert "set enableNetworkIsolation (SageMaker.5, CKV_AWS_370)" in found.message


def test_a_good_resource_passes(analyzer: Any) -> None:
    assert not analyzer.Analyze(request(MODEL, {"enableNetworkIsolation": True})).diagnostics


def test_a_preview_skips_unknown_values(analyzer: Any) -> None:
    (found,) = analyzer.Analyze(request(MODEL, {"enableNetworkIsolation": UNKNOWN})).diagnostics
    assert (found.enforcementLevel, "during preview" in found.message) == (ADVISORY, True)


def test_a_bucket_without_its_guards_is_stopped_once_the_stack_is_known(analyzer: Any) -> None:
    bucket = analyzer_pb2.AnalyzerResource(type=BUCKET, urn="urn:pulumi:dev::p::aws:s3/bucket:Bucket::x", name="x")
    found = analyzer.AnalyzeStack(analyzer_pb2.AnalyzeStackRequest(resources=[bucket])).diagnostics
    guards = {"s3-block-public-access", "s3-no-acls", "s3-encrypted", "s3-lifecycle", "s3-tls-only"}
    assert {one.policyName for one in found} == guards
    assert {one.urn for one in found} == {bucket.urn}
