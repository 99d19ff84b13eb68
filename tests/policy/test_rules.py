"""Each rule lets a good resource pass and stops a bad one."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from policy.rules import ALL
from policy.rules.resource import Resource
from tests.policy.inspection import inspect
from tests.program.harness import ROOT

TRUST = {"Effect": "Allow", "Action": "sts:AssumeRole"}
SOURCE = {"StringEquals": {"aws:SourceAccount": "123456789012"}}
OPEN = {"blockPublicAcls": True, "blockPublicPolicy": False, "ignorePublicAcls": True, "restrictPublicBuckets": True}


def document(*statements: Mapping[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action: str, resource: str) -> str:
    return document({"Sid": "S", "Effect": "Allow", "Action": [action], "Resource": [resource]})


@dataclass(frozen=True)
class Case:
    """A rule with properties that pass and properties that fail; `of` is what a companion belongs to."""

    rule: str
    type: str
    good: Mapping[str, Any]
    bad: Mapping[str, Any]
    words: str
    of: tuple[str, str] | None = None
    more: Sequence[Mapping[str, Any]] = field(default_factory=list[Mapping[str, Any]])


BUCKET = ("aws:s3/bucket:Bucket", "bucket")
LIFECYCLE = {
    "status": "Enabled",
    "expiration": {"days": 7},
    "abortIncompleteMultipartUpload": {"daysAfterInitiation": 1},
}
DENY_HTTP = {
    "Effect": "Deny",
    "Principal": "*",
    "Action": "s3:*",
    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
}
RELEASE = "kubernetes:helm.sh/v3:Release"
CLUSTER = "aws:eks/cluster:Cluster"
CASES = [
    Case(
        "s3-block-public-access",
        "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
        dict.fromkeys(OPEN, True),
        OPEN,
        "blockPublicPolicy must be true",
        BUCKET,
    ),
    Case(
        "s3-no-acls",
        "aws:s3/bucketOwnershipControls:BucketOwnershipControls",
        {"rule": {"objectOwnership": "BucketOwnerEnforced"}},
        {"rule": {"objectOwnership": "ObjectWriter"}},
        "ACLs must be off",
        BUCKET,
    ),
    Case(
        "s3-encrypted",
        "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
        {"rules": [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "AES256"}}]},
        {"rules": []},
        "no default encryption",
        BUCKET,
    ),
    Case(
        "s3-lifecycle",
        "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
        {"rules": [LIFECYCLE]},
        {"rules": [LIFECYCLE | {"status": "Disabled"}]},
        "lets nothing expire",
        BUCKET,
        more=[{"rules": [{"status": "Enabled", "expiration": {"days": 7}}]}],
    ),
    Case(
        "s3-tls-only",
        "aws:s3/bucketPolicy:BucketPolicy",
        {"policy": document(DENY_HTTP)},
        {"policy": document(DENY_HTTP | {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::1:root"}})},
        "does not refuse plain HTTP",
        BUCKET,
    ),
    Case(
        "s3-policy-not-public",
        "aws:s3/bucketPolicy:BucketPolicy",
        {"policy": document(DENY_HTTP)},
        {"policy": document({"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "*"})},
        "lets everybody in",
    ),
    Case(
        "eks-endpoint-not-open",
        CLUSTER,
        {"vpcConfig": {"publicAccessCidrs": ["203.0.113.7/32"]}},
        {"vpcConfig": {"publicAccessCidrs": ["0.0.0.0/0"]}},
        "open to the whole world",
        more=[
            {"vpcConfig": {}},
            {"vpcConfig": {"publicAccessCidrs": ["::/0"]}},
            {"vpcConfig": {"publicAccessCidrs": ["0.0.0.0/1", "128.0.0.0/1"]}},
        ],
    ),
    Case("eks-supported-version", CLUSTER, {"version": "1.35"}, {"version": "1.34"}, "version 1.34"),
    Case("eks-supported-version", CLUSTER, {"version": "1.41"}, {}, "no fixed version"),
    Case(
        "eks-standard-support",
        CLUSTER,
        {"upgradePolicy": {"supportType": "STANDARD"}},
        {"upgradePolicy": {"supportType": "EXTENDED"}},
        "six times as much",
        more=[{}],
    ),
    Case(
        "eks-access-entries",
        CLUSTER,
        {"accessConfig": {"authenticationMode": "API"}},
        {"accessConfig": {"authenticationMode": "CONFIG_MAP"}},
        "authentication mode CONFIG_MAP",
    ),
    Case("eks-no-ssh", "aws:eks/nodeGroup:NodeGroup", {}, {"remoteAccess": {"ec2SshKey": "key"}}, "opens SSH"),
    Case(
        "iam-inline-policies-narrow",
        "aws:iam/rolePolicy:RolePolicy",
        {"policy": allow("s3:GetObject", "arn:aws:s3:::bucket/input/*")},
        {"policy": allow("s3:*", "arn:aws:s3:::bucket")},
        "allows s3:*",
        more=[
            {"policy": allow("s3:GetObject", "*")},
            {"policy": allow("s3:GetObject", "arn:aws:s3:::*")},
            {"policy": document({"Sid": "S", "Effect": "Allow", "NotAction": ["iam:*"], "Resource": ["*"]})},
            {"policy": json.dumps({"Statement": {"Sid": "S", "Effect": "Allow", "Action": "s3:*", "Resource": "a"}})},
        ],
    ),
    Case(
        "iam-role-policies-narrow",
        "aws:iam/role:Role",
        {"inlinePolicies": [{"policy": allow("s3:GetObject", "arn:aws:s3:::bucket/input/*")}]},
        {"inlinePolicies": [{"policy": allow("s3:GetObject", "arn:aws:s3:::b/*")}, {"policy": allow("s3:*", "*")}]},
        "allows s3:*",
    ),
    Case(
        "iam-own-policies-narrow",
        "aws:iam/policy:Policy",
        {"policy": allow("cloudwatch:PutMetricData", "*")},
        {"policy": allow("iam:PassRole", "*")},
        "iam:PassRole on everything",
    ),
    Case(
        "iam-trust-known-sources",
        "aws:iam/role:Role",
        {"assumeRolePolicy": document(TRUST | {"Principal": {"Service": "eks.amazonaws.com"}, "Condition": SOURCE})},
        {"assumeRolePolicy": document(TRUST | {"Principal": {"Service": "eks.amazonaws.com"}})},
        "on behalf of any account",
        more=[
            {"assumeRolePolicy": document(TRUST | {"Principal": "*"})},
            {"assumeRolePolicy": document(TRUST | {"Principal": {"AWS": "*"}})},
            {"assumeRolePolicy": document(TRUST | {"Principal": {"AWS": "arn:aws:iam::999999999999:root"}})},
            {"assumeRolePolicy": json.dumps({"Statement": TRUST | {"Principal": {"Service": "eks.amazonaws.com"}}})},
        ],
    ),
    Case(
        "iam-managed-policies-known",
        "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
        {"policyArn": "arn:aws:iam::aws:policy/AmazonEKSClusterPolicy"},
        {"policyArn": "arn:aws:iam::aws:policy/AmazonSageMakerFullAccess"},
        "AmazonSageMakerFullAccess",
    ),
    Case(
        "sagemaker-network-isolation",
        "aws:sagemaker/model:Model",
        {"enableNetworkIsolation": True},
        {},
        "set enableNetworkIsolation",
    ),
    Case(
        "sagemaker-few-instances",
        "kubernetes:sagemaker.services.k8s.aws/v1alpha1:TransformJob",
        {"spec": {"transformResources": {"instanceCount": 1}}},
        {"spec": {"transformResources": {"instanceCount": 40}}},
        "40 instances",
    ),
    Case(
        "vpc-default-group-shut",
        "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup",
        {},
        {"ingress": [{"fromPort": 0}]},
        "has rules",
        ("aws:ec2/vpc:Vpc", "vpcId"),
    ),
    Case(
        "vpc-no-open-groups",
        "aws:ec2/securityGroup:SecurityGroup",
        {"ingress": [{"cidrBlocks": ["10.0.0.0/8"]}]},
        {"ingress": [{"cidrBlocks": ["0.0.0.0/0"]}]},
        "whole world",
        more=[{"ingress": [{"ipv6CidrBlocks": ["::/0"]}]}],
    ),
    Case(
        "vpc-no-open-group-rules",
        "aws:ec2/securityGroupRule:SecurityGroupRule",
        {"type": "egress", "cidrBlocks": ["0.0.0.0/0"]},
        {"type": "ingress", "cidrBlocks": ["0.0.0.0/0"]},
        "whole world",
    ),
    Case(
        "vpc-no-open-ingress-rules",
        "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
        {"cidrIpv4": "10.0.0.0/8"},
        {"cidrIpv4": "0.0.0.0/0"},
        "whole world",
        more=[{"cidrIpv6": "::/0"}],
    ),
    Case(
        "kubernetes-operator-confined",
        RELEASE,
        {"values": {"resources": {"limits": {"cpu": "100m", "memory": "128Mi"}}}},
        {"values": {"deployment": {"hostNetwork": True}}},
        "hostNetwork",
        more=[{"values": {"resources": {"requests": {"cpu": "1"}}}}],
    ),
    Case("kubernetes-chart-pinned", RELEASE, {"version": "1.9.1"}, {}, "no fixed chart version"),
    Case(
        "kubernetes-operator-in-one-namespace",
        RELEASE,
        {"values": {"installScope": "namespace"}},
        {"values": {"installScope": "cluster"}},
        "every namespace",
    ),
    Case(
        "kubernetes-explicit-cluster",
        "pulumi:providers:kubernetes",
        {"kubeconfig": "{}"},
        {},
        "the default kubeconfig",
    ),
]
RULES = {rule.name: rule for rule in ALL}


def stack_of(case: Case, properties: Mapping[str, Any]) -> list[Resource]:
    subject = Resource(case.type, "subject", "urn:subject", properties)
    if case.of is None:
        return [subject]
    owner = Resource(case.of[0], "owner", "urn:owner", {})
    return [owner, Resource(case.type, "subject", "urn:subject", properties, {case.of[1]: ["urn:owner"]})]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.rule)
def test_a_good_resource_passes(case: Case) -> None:
    assert RULES[case.rule].violations(stack_of(case, case.good)) == []


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.rule)
def test_a_bad_resource_is_stopped_with_the_reason(case: Case) -> None:
    for bad in (case.bad, *case.more):
        found = RULES[case.rule].violations(stack_of(case, bad))
        assert found, bad
    (first,) = RULES[case.rule].violations(stack_of(case, case.bad))
    assert case.words in first.text


@pytest.mark.parametrize("plain", ["false", False, ["false"], [False]])
@pytest.mark.parametrize("alone", [True, False])
def test_a_policy_may_be_written_in_each_way_that_iam_reads(plain: object, *, alone: bool) -> None:
    denial = DENY_HTTP | {"Condition": {"Bool": {"aws:SecureTransport": plain}}}
    policy = {"policy": json.dumps({"Statement": denial if alone else [denial]})}
    bucket = Resource("aws:s3/bucket:Bucket", "b", "urn:b", {})
    stated = Resource("aws:s3/bucketPolicy:BucketPolicy", "p", "urn:p", policy, {"bucket": ["urn:b"]})
    found = [
        violation for rule in ALL if rule.name.startswith("s3-") for violation in rule.violations([bucket, stated])
    ]
    assert not [violation for violation in found if violation.urn == "urn:p"]


@pytest.mark.parametrize("case", [case for case in CASES if case.of], ids=lambda case: case.rule)
def test_a_missing_companion_is_a_violation(case: Case) -> None:
    assert case.of is not None
    owner = Resource(case.of[0], "owner", "urn:owner", {})
    (found,) = RULES[case.rule].violations([owner])
    assert "has no " in found.text


def test_a_managed_policy_that_a_role_names_itself_is_stopped() -> None:
    wide = {"managedPolicyArns": ["arn:aws:iam::aws:policy/AmazonSageMakerFullAccess"]}
    (found,) = RULES["iam-managed-policies-known"].violations([Resource("aws:iam/role:Role", "r", "urn:r", wide)])
    assert "AmazonSageMakerFullAccess" in found.text


def test_a_nat_gateway_is_stopped() -> None:
    gateway = Resource("aws:ec2/natGateway:NatGateway", "nat", "urn:nat", {})
    assert [found.rule for found in inspect(ALL, [gateway])] == ["vpc-no-nat-gateway"]


@pytest.mark.parametrize(
    ("tags", "stopped"),
    [
        pytest.param({"network": "declared"}, False, id="a job asked for"),
        pytest.param({"Name": "x"}, True, id="nobody asked for"),
    ],
)
def test_a_model_with_a_network_is_stopped_if(tags: Mapping[str, str], stopped: bool) -> None:
    model = Resource("aws:sagemaker/model:Model", "m", "urn:m", {"enableNetworkIsolation": False, "tags": tags})
    assert bool(inspect(ALL, [model])) is stopped


def test_rules_about_companions_need_the_whole_stack_and_no_others() -> None:
    assert {case.rule for case in CASES if case.of} == {rule.name for rule in ALL if not rule.alone}


def test_every_rule_has_a_case() -> None:
    assert {case.rule for case in CASES} | {"vpc-no-nat-gateway"} == set(RULES)


def exceptions() -> list[list[str]]:
    """The rows of the table of exceptions in docs/controls.md: controls, what they are about, the reason."""
    _, _, section = (ROOT / "docs" / "controls.md").read_text().partition("## Written exceptions\n")
    return [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| ")][2:]


def test_no_control_is_both_checked_and_excepted_but_one_that_a_job_may_ask_to_be_excepted_from() -> None:
    checked = {control for rule in ALL for control in rule.controls}
    excepted = {control for controls, _, _ in exceptions() for control in controls.split(", ")}
    assert "S3.1" in excepted
    assert checked & excepted == set(RULES["sagemaker-network-isolation"].controls)
    assert all(reason.endswith(".") for _, _, reason in exceptions())
