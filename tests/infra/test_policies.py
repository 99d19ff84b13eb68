"""Every policy document, as it is deployed."""

import json
from typing import Any

import pytest

from infra import policies
from infra.policies import Data, Scope, Statement
from tests.program.harness import Graph, deploy

SCOPE = Scope("aws", "us-east-1", "123456789012", "w")
LOGS = "arn:aws:logs:us-east-1:123456789012:log-group:/aws/sagemaker/TransformJobs"
JOBS = ["arn:aws:sagemaker:us-east-1:123456789012:transform-job/w-*"]


def by_sid(statements: list[Statement]) -> dict[str, dict[str, Any]]:
    return {statement.sid: statement.to_json() for statement in statements}


def test_the_operator_may_create_jobs_of_the_prefix_on_allowed_instances() -> None:
    assert by_sid(policies.operator(SCOPE, ["ml.m5.large"])) == {
        "CreateJobs": {
            "Sid": "CreateJobs",
            "Effect": "Allow",
            "Action": ["sagemaker:CreateTransformJob"],
            "Resource": JOBS,
            "Condition": {
                "ForAllValues:StringEquals": {"sagemaker:InstanceTypes": ["ml.m5.large"]},
                "Null": {"sagemaker:InstanceTypes": "false"},
            },
        },
        "TagJobs": {"Sid": "TagJobs", "Effect": "Allow", "Action": ["sagemaker:AddTags"], "Resource": JOBS},
        "FollowJobs": {
            "Sid": "FollowJobs",
            "Effect": "Allow",
            "Action": ["sagemaker:DescribeTransformJob", "sagemaker:StopTransformJob"],
            "Resource": JOBS,
        },
    }


def test_a_job_may_read_model_and_input_write_its_result_and_its_logs() -> None:
    found = by_sid(policies.execution(SCOPE, Data("b")))
    assert found["ListData"]["Condition"] == {"StringLike": {"s3:prefix": ["input/*", "model/*", "output/*"]}}
    assert found["ReadModelAndInput"]["Resource"] == [
        f"arn:aws:s3:::b/{part}/*" for part in ("model", "input", "output")
    ]
    assert found["WriteResults"]["Resource"] == ["arn:aws:s3:::b/output/*"]
    assert found["WriteLogs"]["Resource"] == [LOGS, f"{LOGS}:log-stream:*"]
    assert found["WriteMetrics"]["Condition"] == {
        "StringEquals": {"cloudwatch:namespace": "/aws/sagemaker/TransformJobs"}
    }
    assert set(found) == {"ListData", "ReadModelAndInput", "WriteResults", "WriteLogGroup", "WriteLogs", "WriteMetrics"}


def test_other_buckets_keys_and_an_own_image_are_allowed_only_when_named() -> None:
    data = Data("b", ["in"], ["out"], ["arn:aws:kms:::key/k"], ["1.dkr.ecr.eu-west-1.amazonaws.com/a/b:7"])
    found = by_sid(policies.execution(SCOPE, data))
    assert found["ReadInputBuckets"]["Resource"] == ["arn:aws:s3:::in/*"]
    assert found["WriteOutputBuckets"]["Resource"] == ["arn:aws:s3:::out/*"]
    assert found["UseKeys"]["Resource"] == ["arn:aws:kms:::key/k"]
    assert found["PullImage"]["Resource"] == ["arn:aws:ecr:eu-west-1:1:repository/a/b"]


def test_an_image_by_digest_names_its_repository() -> None:
    found = by_sid(policies.execution(SCOPE, Data("b", private_images=("1.dkr.ecr.r.amazonaws.com/a@sha256:00",))))
    assert found["PullImage"]["Resource"] == ["arn:aws:ecr:r:1:repository/a"]


ALL = [
    *policies.operator(SCOPE, ["ml.m5.large"], ["k"]),
    *policies.execution(SCOPE, Data("b", ["i"], ["o"], ["k"], ["1.dkr.ecr.r.amazonaws.com/a:1"])),
]
WITHOUT_RESOURCES = {"WriteMetrics", "SignInToRegistry"}  # these actions know none


@pytest.mark.parametrize("statement", [pytest.param(item, id=item.sid) for item in ALL])
def test_no_statement_allows_every_action_or_every_resource(statement: Statement) -> None:
    assert all("*" not in action for action in statement.actions)
    assert ("*" in statement.resources) is (statement.sid in WITHOUT_RESOURCES)
    assert not any("PassRole" in action for action in statement.actions)


def test_sids_are_unique_in_a_document() -> None:
    assert len({item.sid for item in ALL}) == len(ALL)


@pytest.mark.parametrize(
    ("statement", "service", "condition"),
    [
        pytest.param(
            policies.execution_trust(SCOPE),
            "sagemaker.amazonaws.com",
            {
                "StringEquals": {"aws:SourceAccount": "123456789012"},
                "ArnLike": {"aws:SourceArn": "arn:aws:sagemaker:us-east-1:123456789012:*"},
            },
            id="SageMaker for this account",
        ),
        pytest.param(
            policies.cluster_trust(SCOPE, "w"),
            "eks.amazonaws.com",
            {
                "StringEquals": {"aws:SourceAccount": "123456789012"},
                "ArnLike": {"aws:SourceArn": "arn:aws:eks:us-east-1:123456789012:cluster/w"},
            },
            id="EKS for this cluster",
        ),
        pytest.param(
            policies.pod_trust(SCOPE, "w", "ns", "sa"),
            "pods.eks.amazonaws.com",
            {
                "StringEquals": {
                    "aws:SourceAccount": "123456789012",
                    "aws:RequestTag/eks-cluster-name": "w",
                    "aws:RequestTag/kubernetes-namespace": "ns",
                    "aws:RequestTag/kubernetes-service-account": "sa",
                }
            },
            id="Pod Identity for one service account",
        ),
    ],
)
def test_a_role_trusts(statement: Statement, service: str, condition: dict[str, Any]) -> None:
    made = statement.to_json()
    assert made["Principal"] == {"Service": service}
    assert made["Condition"] == condition
    assert "Resource" not in made


def test_pod_identity_may_tag_its_sessions() -> None:
    assert policies.pod_trust(SCOPE, "w", "ns", "sa").actions == ["sts:AssumeRole", "sts:TagSession"]


def test_the_bucket_refuses_whoever_speaks_without_tls() -> None:
    assert json.loads(policies.document(policies.tls_only(SCOPE, "b"))) == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "TlsOnly",
                "Effect": "Deny",
                "Principal": "*",
                "Action": ["s3:*"],
                "Resource": ["arn:aws:s3:::b", "arn:aws:s3:::b/*"],
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            }
        ],
    }


def test_arns_keep_to_their_partition() -> None:
    china = Scope("aws-cn", "cn-north-1", "1", "w")
    documents = [
        policies.document(*policies.operator(china, ["t"])),
        policies.document(*policies.execution(china, Data("b"))),
    ]
    assert not any("arn:aws:" in document for document in documents)


@pytest.fixture(scope="module", name="deployed")
def _deployed() -> Graph:
    return deploy()


class TestDeployed:
    """The documents in the graph are those of the functions above."""

    def test_roles_carry_them(self, deployed: Graph) -> None:
        scope = Scope("aws", "us-east-1", "123456789012", "batch-workshop")
        found = {item.inputs["name"]: item.inputs["policy"] for item in deployed.all("aws:iam/rolePolicy:RolePolicy")}
        assert found == {
            "batch-workshop-operator": policies.document(*policies.operator(scope, ["ml.m5.large"])),
            "batch-workshop-execution": policies.document(
                *policies.execution(scope, Data("batch-workshop-data-1a2b3c4"))
            ),
        }

    def test_each_role_trusts_one_service(self, deployed: Graph) -> None:
        trusted = {
            item.name: json.loads(item.inputs["assumeRolePolicy"])["Statement"][0]["Principal"]["Service"]
            for item in deployed.all("aws:iam/role:Role")
        }
        assert trusted == {
            "batch-workshop-cluster": "eks.amazonaws.com",
            "batch-workshop-node": "ec2.amazonaws.com",
            "batch-workshop-operator": "pods.eks.amazonaws.com",
            "batch-workshop-execution": "sagemaker.amazonaws.com",
        }
