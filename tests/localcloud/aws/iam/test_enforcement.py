"""Policies decide what a principal may do at the running endpoint."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from localcloud.aws.iam.documents import policy
from localcloud.aws.iam.evaluation import PolicySet, evaluate
from tests.localcloud.aws.endpoint import ACCOUNT, REGION, Endpoint, allow, document
from tests.localcloud.aws.iam.replay import read, request_of


def code(caught: pytest.ExceptionInfo[ClientError]) -> str:
    return caught.value.response["Error"]["Code"]


def message(caught: pytest.ExceptionInfo[ClientError]) -> str:
    return caught.value.response["Error"]["Message"]


def test_access_denied_is_worded_as_aws_words_it(aws: Endpoint) -> None:
    keys = aws.session()
    arn = aws.client("sts", keys).get_caller_identity()["Arn"]
    with pytest.raises(ClientError) as caught:
        aws.client("eks", keys).describe_cluster(name="c")
    assert code(caught) == "AccessDeniedException"
    assert message(caught) == (
        f"User: {arn} is not authorized to perform: eks:DescribeCluster on resource: "
        f"arn:aws:eks:{REGION}:{ACCOUNT}:cluster/c because no identity-based policy allows the eks:DescribeCluster action"
    )


@pytest.mark.parametrize(
    ("service", "operation", "arguments", "expected"),
    [
        pytest.param("s3", "list_buckets", {}, "AccessDenied", id="s3"),
        pytest.param("iam", "list_roles", {}, "AccessDenied", id="iam"),
        pytest.param("ec2", "describe_vpcs", {}, "UnauthorizedOperation", id="ec2"),
        pytest.param("logs", "describe_log_groups", {}, "AccessDeniedException", id="logs"),
        pytest.param("sagemaker", "list_models", {}, "AccessDeniedException", id="sagemaker"),
        pytest.param("cloudwatch", "list_metrics", {}, "AccessDenied", id="cloudwatch"),
        pytest.param(
            "service-quotas", "list_service_quotas", {"ServiceCode": "ec2"}, "AccessDeniedException", id="quotas"
        ),
    ],
)
def test_each_service_has_its_code_for_a_denial(
    aws: Endpoint, service: str, operation: str, arguments: dict[str, Any], expected: str
) -> None:
    with pytest.raises(ClientError) as caught:
        getattr(aws.client(service, aws.session()), operation)(**arguments)
    assert code(caught) == expected


@pytest.fixture(scope="module")
def scoped(aws: Endpoint) -> tuple[str, Any]:
    """A bucket, and S3 for a role that may read and write `in/`, but not `in/secret`, and list below `in/`."""
    bucket = aws.bucket({"in/a": b"a", "in/secret1": b"s", "out/a": b"o"})
    arn = f"arn:aws:s3:::{bucket}"
    keys = aws.session(
        allow(["s3:GetObject", "s3:PutObject"], f"{arn}/in/*"),
        {"Effect": "Deny", "Action": "s3:*", "Resource": f"{arn}/in/secret*"},
        allow("s3:ListBucket", arn, Condition={"StringLike": {"s3:prefix": ["in/*"]}}),
    )
    return bucket, aws.client("s3", keys)


@pytest.mark.parametrize(
    ("operation", "arguments", "allowed"),
    [
        pytest.param("get_object", {"Key": "in/a"}, True, id="get below in"),
        pytest.param("head_object", {"Key": "in/a"}, True, id="head below in"),
        pytest.param("put_object", {"Key": "in/b", "Body": b"x"}, True, id="put below in"),
        pytest.param("get_object", {"Key": "in/secret1"}, False, id="get what is denied"),
        pytest.param("get_object", {"Key": "out/a"}, False, id="get elsewhere"),
        pytest.param("head_object", {"Key": "out/a"}, False, id="head elsewhere"),
        pytest.param("put_object", {"Key": "out/b", "Body": b"x"}, False, id="put elsewhere"),
        pytest.param("delete_object", {"Key": "in/a"}, False, id="delete"),
        pytest.param("list_objects_v2", {"Prefix": "in/"}, True, id="list the prefix"),
        pytest.param("list_objects_v2", {"Prefix": "out/"}, False, id="list another prefix"),
        pytest.param("list_objects_v2", {}, False, id="list without a prefix"),
        pytest.param("put_bucket_tagging", {"Tagging": {"TagSet": []}}, False, id="tag the bucket"),
    ],
)
def test_a_role_is_held_to_its_prefix(
    scoped: tuple[str, Any], operation: str, arguments: dict[str, Any], *, allowed: bool
) -> None:
    bucket, s3 = scoped
    if allowed:
        getattr(s3, operation)(Bucket=bucket, **arguments)
        return
    with pytest.raises(ClientError) as caught:
        getattr(s3, operation)(Bucket=bucket, **arguments)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


def test_a_copy_needs_to_read_its_source(scoped: tuple[str, Any]) -> None:
    bucket, s3 = scoped
    s3.copy_object(Bucket=bucket, Key="in/copy", CopySource=f"{bucket}/in/a")
    with pytest.raises(ClientError) as caught:
        s3.copy_object(Bucket=bucket, Key="in/copy", CopySource={"Bucket": bucket, "Key": "out/a"})
    assert "s3:GetObject" in message(caught)


@pytest.mark.parametrize(
    ("quiet", "deleted"), [pytest.param(False, [{"Key": "in/a"}], id="reported"), pytest.param(True, [], id="quiet")]
)
def test_each_deleted_object_is_authorised(aws: Endpoint, *, quiet: bool, deleted: list[Any]) -> None:
    bucket = aws.bucket({"in/a": b"a", "out/a": b"o"})
    s3 = aws.client("s3", aws.session(allow("s3:DeleteObject", f"arn:aws:s3:::{bucket}/in/*")))
    objects = [{"Key": "in/a"}, {"Key": "out/a"}, {"Key": "in/a", "VersionId": "null"}]
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": quiet})
    assert answer.get("Deleted", []) == deleted
    assert answer["Errors"] == [
        {"Key": "out/a", "Code": "AccessDenied", "Message": "Access Denied"},
        {"Key": "in/a", "VersionId": "null", "Code": "AccessDenied", "Message": "Access Denied"},
    ]
    left = aws.client("s3").list_objects_v2(Bucket=bucket)["Contents"]
    assert [one["Key"] for one in left] == ["out/a"]
    rows = [row for row in aws.log("authorization") if row["resource"].startswith(f"arn:aws:s3:::{bucket}/")]
    assert [(row["action"], row["decision"]) for row in rows if "Delete" in row["action"]] == [
        ("s3:DeleteObject", "allow"),
        ("s3:DeleteObject", "deny"),
        ("s3:DeleteObjectVersion", "deny"),
    ]


def test_deletions_that_are_all_refused_are_an_answer_too(aws: Endpoint) -> None:
    bucket = aws.bucket({"a": b"a"})
    s3 = aws.client("s3", aws.session())
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "a"}]})
    assert "Deleted" not in answer
    assert [error["Key"] for error in answer["Errors"]] == ["a"]


def test_a_missing_key_is_forbidden_to_a_caller_who_may_not_list(aws: Endpoint) -> None:
    bucket = aws.bucket()
    arn = f"arn:aws:s3:::{bucket}"
    reader = aws.client("s3", aws.session(allow("s3:GetObject", f"{arn}/*")))
    with pytest.raises(ClientError, match=r"AccessDenied.*s3:ListBucket"):
        reader.get_object(Bucket=bucket, Key="none")
    lister = aws.client("s3", aws.session(allow("s3:GetObject", f"{arn}/*"), allow("s3:ListBucket", arn)))
    with pytest.raises(ClientError, match="NoSuchKey"):
        lister.get_object(Bucket=bucket, Key="none")


def test_a_region_can_be_required(aws: Endpoint) -> None:
    elsewhere = allow("eks:ListClusters", Condition={"StringEquals": {"aws:RequestedRegion": "eu-west-1"}})
    with pytest.raises(ClientError, match="AccessDenied"):
        aws.client("eks", aws.session(elsewhere)).list_clusters()
    here = allow("eks:ListClusters", Condition={"StringEquals": {"aws:RequestedRegion": REGION}})
    aws.client("eks", aws.session(here)).list_clusters()


def test_a_tls_only_bucket_policy_does_not_shut_its_users_out(aws: Endpoint) -> None:
    bucket = aws.bucket({"a": b"x"})
    resources = [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]
    condition = {"Bool": {"aws:SecureTransport": "false"}}
    row = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": resources, "Condition": condition}
    aws.client("s3").put_bucket_policy(Bucket=bucket, Policy=document(row))
    assert aws.client("s3").get_object(Bucket=bucket, Key="a")["Body"].read() == b"x"


def test_a_bucket_policy_denies_even_root(aws: Endpoint) -> None:
    bucket = aws.bucket({"a": b"x"})
    row = {"Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
    aws.client("s3").put_bucket_policy(Bucket=bucket, Policy=document(row))
    with pytest.raises(ClientError, match="with an explicit deny in a resource-based policy"):
        aws.client("s3").get_object(Bucket=bucket, Key="a")


def test_a_bucket_policy_grants_a_role_that_has_nothing_itself(aws: Endpoint) -> None:
    bucket = aws.bucket({"a": b"x"})
    role = aws.role({"Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"})
    row = allow("s3:GetObject", f"arn:aws:s3:::{bucket}/*", Principal={"AWS": role})
    aws.client("s3").put_bucket_policy(Bucket=bucket, Policy=document(row))
    assert aws.client("s3", aws.assume(role)).get_object(Bucket=bucket, Key="a")["Body"].read() == b"x"


def test_a_boundary_limits_a_role(aws: Endpoint) -> None:
    iam = aws.client("iam")
    arn = iam.create_policy(PolicyName=aws.name("boundary"), PolicyDocument=document(allow("s3:*")))["Policy"]["Arn"]
    role = aws.role({"Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}, allow(["s3:*", "eks:*"]))
    iam.put_role_permissions_boundary(RoleName=role.rpartition("/")[2], PermissionsBoundary=arn)
    keys = aws.assume(role)
    aws.client("s3", keys).list_buckets()
    with pytest.raises(ClientError, match="because no permissions boundary allows the eks:ListClusters action"):
        aws.client("eks", keys).list_clusters()


def test_attached_policies_count_in_their_default_version(aws: Endpoint) -> None:
    iam = aws.client("iam")
    arn = iam.create_policy(PolicyName=aws.name("policy"), PolicyDocument=document(allow("s3:*")))["Policy"]["Arn"]
    role = aws.role({"Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"})
    iam.attach_role_policy(RoleName=role.rpartition("/")[2], PolicyArn=arn)
    keys = aws.assume(role)
    aws.client("s3", keys).list_buckets()
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=document(allow("eks:*")), SetAsDefault=True)
    with pytest.raises(ClientError, match="AccessDenied"):
        aws.client("s3", keys).list_buckets()


@pytest.mark.parametrize(
    "name",
    [
        "AmazonEKSClusterPolicy",
        "AmazonEKSWorkerNodePolicy",
        "AmazonEKS_CNI_Policy",
        "AmazonEC2ContainerRegistryPullOnly",
        "AmazonSageMakerFullAccess",
    ],
)
def test_a_managed_policy_can_be_attached(aws: Endpoint, name: str) -> None:
    role = aws.role("eks.amazonaws.com").rpartition("/")[2]
    iam, arn = aws.client("iam"), f"arn:aws:iam::aws:policy/{name}"
    iam.attach_role_policy(RoleName=role, PolicyArn=arn)
    assert iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"] == [
        {"PolicyName": name, "PolicyArn": arn}
    ]


def test_a_managed_policy_that_the_local_cloud_lacks_cannot_be_attached(aws: Endpoint) -> None:
    role = aws.role("eks.amazonaws.com").rpartition("/")[2]
    with pytest.raises(ClientError, match="NoSuchEntity"):
        aws.client("iam").attach_role_policy(
            RoleName=role, PolicyArn="arn:aws:iam::aws:policy/AWSGlueConsoleFullAccess"
        )


def tagged(team: str) -> dict[str, Any]:
    return {"StringEquals": {"aws:ResourceTag/team": team}}


@pytest.mark.parametrize(("team", "allowed"), [("churn", True), ("other", False)])
def test_resource_tags_are_known_of_some_services(aws: Endpoint, team: str, *, allowed: bool) -> None:
    cluster, role = aws.cluster(tags={"team": "churn"}), aws.role("ec2.amazonaws.com").rpartition("/")[2]
    tags = [{"Key": "team", "Value": "churn"}]
    made = aws.client("ec2").create_vpc(
        CidrBlock="10.3.0.0/16", TagSpecifications=[{"ResourceType": "vpc", "Tags": tags}]
    )
    aws.client("iam").tag_role(RoleName=role, Tags=tags)
    keys = aws.session(allow(["eks:DescribeCluster", "ec2:DeleteVpc", "iam:GetRole"], Condition=tagged(team)))
    calls = (
        lambda: aws.client("eks", keys).describe_cluster(name=cluster),
        lambda: aws.client("ec2", keys).delete_vpc(VpcId=made["Vpc"]["VpcId"]),
        lambda: aws.client("iam", keys).get_role(RoleName=role),
    )
    for call in calls:
        if allowed:
            call()
        else:
            with pytest.raises(ClientError, match=r"AccessDenied|UnauthorizedOperation"):
                call()
    bucket, s3 = aws.bucket({"a": b"x"}), aws.client("s3", aws.session(allow("s3:*", Condition=tagged(team))))
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.get_object(Bucket=bucket, Key="a")


def test_a_model_needs_pass_role(aws: Endpoint) -> None:
    execution = aws.role("sagemaker.amazonaws.com")
    model = allow(["sagemaker:CreateModel", "sagemaker:AddTags"], f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model/churn-*")
    arguments = {
        "ModelName": aws.name("churn"),
        "ExecutionRoleArn": execution,
        "PrimaryContainer": {"Image": "i", "ModelDataUrl": "s3://b/k"},
    }
    with pytest.raises(ClientError) as caught:
        aws.client("sagemaker", aws.session(model)).create_model(**arguments)
    assert f"iam:PassRole on resource: {execution}" in message(caught)
    elsewhere = allow(
        "iam:PassRole", execution, Condition={"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}
    )
    with pytest.raises(ClientError, match="iam:PassRole"):
        aws.client("sagemaker", aws.session(model, elsewhere)).create_model(**arguments)
    here = {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
    keys = aws.session(model, allow("iam:PassRole", execution, Condition=here))
    with pytest.raises(ClientError, match="Could not access model data"):  # allowed, and then found to lack its archive
        aws.client("sagemaker", keys).create_model(**arguments)
    with pytest.raises(ClientError, match="sagemaker:CreateModel"):
        aws.client("sagemaker", keys).create_model(**{**arguments, "ModelName": "other"})


def job(name: str, instance_type: str = "ml.m5.large", **more: Any) -> dict[str, Any]:
    return {
        "TransformJobName": name,
        "ModelName": "none",
        "TransformInput": {"DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://b/in"}}},
        "TransformOutput": {"S3OutputPath": "s3://b/out"},
        "TransformResources": {"InstanceType": instance_type, "InstanceCount": 1},
        **more,
    }


def test_a_job_is_held_to_its_prefix_and_instance_types(aws: Endpoint) -> None:
    arn = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:transform-job/app-*"
    guard = {"ForAllValues:StringEquals": {"sagemaker:InstanceTypes": ["ml.m5.large"]}}
    sagemaker = aws.client("sagemaker", aws.session(allow("sagemaker:CreateTransformJob", arn, Condition=guard)))
    with pytest.raises(ClientError, match="ValidationException"):  # allowed, and then found to name no model
        sagemaker.create_transform_job(**job("app-1"))
    for refused in (job("other-1"), job("app-1", "ml.m5.24xlarge")):
        with pytest.raises(ClientError, match="sagemaker:CreateTransformJob"):
            sagemaker.create_transform_job(**refused)
    with pytest.raises(ClientError, match="sagemaker:AddTags"):
        sagemaker.create_transform_job(**job("app-1", Tags=[{"Key": "a", "Value": "b"}]))


def test_tags_of_a_request_can_be_required(aws: Endpoint) -> None:
    condition = {
        "StringEquals": {"aws:RequestTag/team": "churn"},
        "ForAllValues:StringEquals": {"aws:TagKeys": ["team"]},
    }
    ec2 = aws.client("ec2", aws.session(allow(["ec2:CreateVpc", "ec2:CreateTags"], Condition=condition)))

    def create(**tags: str) -> None:
        rows = [{"Key": key, "Value": value} for key, value in tags.items()]
        ec2.create_vpc(CidrBlock="10.9.0.0/16", TagSpecifications=[{"ResourceType": "vpc", "Tags": rows}])

    create(team="churn")
    for tags in ({"team": "other"}, {"team": "churn", "more": "x"}):
        with pytest.raises(ClientError, match="UnauthorizedOperation"):
            create(**tags)


def test_logs_and_metrics_are_scoped(aws: Endpoint) -> None:
    group = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/sagemaker/TransformJobs*"
    namespace = {"StringEquals": {"cloudwatch:namespace": ["/aws/sagemaker/TransformJobs"]}}
    keys = aws.session(
        allow(["logs:CreateLogGroup", "logs:CreateLogStream"], group),
        allow("cloudwatch:PutMetricData", Condition=namespace),
    )
    logs, cloudwatch = aws.client("logs", keys), aws.client("cloudwatch", keys)
    name = aws.name("/aws/sagemaker/TransformJobs")
    logs.create_log_group(logGroupName=name)
    logs.create_log_stream(logGroupName=name, logStreamName="s")
    with pytest.raises(ClientError, match="AccessDenied"):
        logs.create_log_group(logGroupName="/other")
    data = [{"MetricName": "m", "Value": 1}]
    cloudwatch.put_metric_data(Namespace="/aws/sagemaker/TransformJobs", MetricData=data)
    with pytest.raises(ClientError, match="AccessDenied"):
        cloudwatch.put_metric_data(Namespace="other", MetricData=data)


def test_every_decision_is_logged(aws: Endpoint) -> None:
    bucket = aws.bucket({"a": b"x"})
    keys = aws.session(allow("s3:GetObject", f"arn:aws:s3:::{bucket}/a", Sid="Read"))
    s3 = aws.client("s3", keys)
    s3.get_object(Bucket=bucket, Key="a")
    with pytest.raises(ClientError):
        s3.get_object(Bucket=bucket, Key="b")
    rows = [row for row in aws.log("authorization") if row["resource"].startswith(f"arn:aws:s3:::{bucket}/")]
    allowed, denied = rows[-2:]
    assert (allowed["action"], allowed["decision"], denied["decision"]) == ("s3:GetObject", "allow", "deny")
    assert allowed["matched"].endswith("#Read")
    assert allowed["principal"] == aws.client("sts", keys).get_caller_identity()["Arn"]
    assert allowed["context"]["aws:securetransport"] == "true"
    calls = [
        row
        for row in aws.log("api")
        if row.get("operation") == "GetObject" and row["principal"] == allowed["principal"]
    ]
    assert [(row["service"], row["status"]) for row in calls] == [("s3", 200), ("s3", 403)]


def test_a_recorded_decision_can_be_asked_again(aws: Endpoint) -> None:
    bucket = aws.bucket({"a": b"x"})
    condition = {"StringLike": {"s3:prefix": "in/*"}}
    statements = [allow("s3:ListBucket", f"arn:aws:s3:::{bucket}", Condition=condition, Sid="List")]
    aws.client("s3", aws.session(*statements)).list_objects_v2(Bucket=bucket, Prefix="in/")
    log = aws.home / "logs" / "authorization.jsonl"
    row = [row for row in read(log) if row["resource"] == f"arn:aws:s3:::{bucket}"][-1]
    request = request_of(row)
    assert evaluate(request, PolicySet(identity=[policy("kept", document(*statements))])).allowed
    assert not evaluate(request, PolicySet(identity=[policy("removed", document(allow("s3:GetObject")))])).allowed
    trusted = next(row for row in read(log) if row["action"] == "sts:AssumeRole" and row["principal"].endswith(":root"))
    assert request_of(trusted).principal.is_root
