"""What CreateTransformJob accepts and refuses, with AWS's codes and words."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from localcloud.aws.sagemaker import errors
from localcloud.aws.sagemaker.errors import ValidationError

REGION, NUMBER = "us-east-1", "123456789012"
ACCOUNT = "arn:aws:sagemaker:us-east-1:123456789012"
PLAIN: dict[str, Any] = {
    "TransformInput": {"DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://b/in"}}},
    "TransformOutput": {"S3OutputPath": "s3://b/out"},
    "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
}


@pytest.fixture(scope="module")
def bucket(cloud: Any) -> str:
    return cloud.bucket({"in/a.csv": b"1,2\n"})


@pytest.fixture(scope="module")
def model(cloud: Any) -> str:
    return cloud.model()


def refusal(cloud: Any, request: dict[str, Any]) -> tuple[str, str]:
    with pytest.raises(ClientError) as raised:
        cloud.sagemaker.create_transform_job(**request)
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    error = raised.value.response["Error"]
    return error["Code"], error["Message"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param(
            {"TransformJobName": "a_b"},
            "Value 'a_b' at 'transformJobName' failed to satisfy constraint: Member must satisfy regular expression "
            "pattern: [a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}",
            id="a name with an underscore",
        ),
        pytest.param(
            {"MaxPayloadInMB": 101},
            "Value '101' at 'maxPayloadInMB' failed to satisfy constraint: Member must have value less than or equal to 100",
            id="a payload of 101 MB",
        ),
        pytest.param(
            {"ModelClientConfig": {"InvocationsMaxRetries": 4}},
            "Value '4' at 'modelClientConfig.invocationsMaxRetries' failed to satisfy constraint: "
            "Member must have value less than or equal to 3",
            id="four retries",
        ),
        pytest.param(
            {"ModelClientConfig": {"InvocationsTimeoutInSeconds": 3601}},
            "Value '3601' at 'modelClientConfig.invocationsTimeoutInSeconds' failed to satisfy constraint: "
            "Member must have value less than or equal to 3600",
            id="a timeout of more than an hour",
        ),
        pytest.param(
            {"DataProcessing": {"InputFilter": "$" + "x" * 63}},
            f"Value '${'x' * 63}' at 'dataProcessing.inputFilter' failed to satisfy constraint: "
            "Member must have length less than or equal to 63",
            id="a filter of 64 characters",
        ),
        pytest.param(
            {"BatchStrategy": "All"},
            "Value 'All' at 'batchStrategy' failed to satisfy constraint: Member must satisfy enum value set: "
            "[MultiRecord, SingleRecord]",
            id="an unknown strategy",
        ),
        pytest.param(
            {"TransformOutput__AssembleWith": "Comma"},
            "Value 'Comma' at 'transformOutput.assembleWith' failed to satisfy constraint: Member must satisfy enum "
            "value set: [None, Line]",
            id="an unknown way to assemble",
        ),
        pytest.param(
            {"TransformInput__DataSource__S3DataSource__S3Uri": "file:///a"},
            "Value 'file:///a' at 'transformInput.dataSource.s3DataSource.s3Uri' failed to satisfy constraint: "
            "Member must satisfy regular expression pattern: (https|s3)://([^/]+)/?(.*)",
            id="an input that is not in S3",
        ),
        pytest.param(
            {"Tags": [{"Key": "a|b", "Value": ""}]},
            "Value 'a|b' at 'tags.1.member.key' failed to satisfy constraint: Member must satisfy regular expression "
            r"pattern: ([\p{L}\p{Z}\p{N}_.:/=+\-@]*)",
            id="a tag key with a bar",
        ),
        pytest.param(
            {"Environment": {"a-b": "1"}},
            "Value '{a-b=1}' at 'environment' failed to satisfy constraint: Map keys must satisfy constraint: "
            "[Member must have length less than or equal to 1024, Member must have length greater than or equal to 0, "
            "Member must satisfy regular expression pattern: [a-zA-Z_][a-zA-Z0-9_]{0,1023}]",
            id="a variable that is no name",
        ),
        pytest.param(
            {"TransformResources__InstanceCount": 101},
            "Value '101' at 'transformResources.instanceCount' failed to satisfy constraint: "
            "Member must have value less than or equal to 100",
            id="101 instances",
        ),
    ],
)
def test_a_member_out_of_bounds_is_refused(
    cloud: Any, bucket: str, model: str, changes: dict[str, Any], message: str
) -> None:
    code, text = refusal(cloud, cloud.request(bucket, model, **changes))
    assert (code, text) == ("ValidationException", f"1 validation error detected: {message}")


def test_all_members_out_of_bounds_are_named_together(cloud: Any, bucket: str, model: str) -> None:
    changes = {"BatchStrategy": "All", "ModelClientConfig": {"InvocationsMaxRetries": 9}}
    _, text = refusal(cloud, cloud.request(bucket, model, **changes))
    first, second = text.split("; ")
    assert first.startswith("2 validation errors detected: Value '9' at 'modelClientConfig.invocationsMaxRetries'")
    assert second.startswith("Value 'All' at 'batchStrategy'")


def test_an_instance_type_that_does_not_exist_is_refused(cloud: Any, bucket: str, model: str) -> None:
    code, text = refusal(cloud, cloud.request(bucket, model, TransformResources__InstanceType="ml.t2.nano"))
    assert code == "ValidationException"
    assert "Value 'ml.t2.nano' at 'transformResources.instanceType'" in text
    assert "Member must satisfy enum value set: [ml.m4.xlarge, " in text


def test_seventeen_variables_are_refused(cloud: Any, bucket: str, model: str) -> None:
    environment = {f"V{number}": "" for number in range(17)}
    _, text = refusal(cloud, cloud.request(bucket, model, Environment=environment))
    assert text.endswith(
        "at 'environment' failed to satisfy constraint: Member must have length less than or equal to 16"
    )


@pytest.mark.parametrize(
    ("concurrent", "payload", "accepted"),
    [
        pytest.param(20, 6, False, id="20 x 6 is too much"),
        pytest.param(10, 10, True, id="10 x 10 is just right"),
        pytest.param(17, None, False, id="an unset payload counts as 6"),
        pytest.param(16, None, True, id="16 x the default of 6"),
        pytest.param(500, 0, True, id="an unlimited payload makes the product 0"),
        pytest.param(None, 100, True, id="an unset concurrency is not multiplied"),
    ],
)
def test_concurrency_times_payload_is_at_most_100(
    cloud: Any, bucket: str, model: str, concurrent: int | None, payload: int | None, accepted: bool
) -> None:
    request = cloud.request(bucket, model, MaxConcurrentTransforms=concurrent, MaxPayloadInMB=payload)
    if accepted:
        cloud.sagemaker.create_transform_job(**request)
    else:
        code, text = refusal(cloud, request)
        assert code == "ValidationException"
        assert text.startswith("The product of MaxConcurrentTransforms and MaxPayloadInMB must be at most 100 MB: ")


def test_a_strategy_without_a_split_is_accepted(cloud: Any, bucket: str, model: str) -> None:
    job = cloud.run(bucket, model, TransformInput__SplitType="None", BatchStrategy="SingleRecord")
    assert job["TransformJobStatus"] == "Completed"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param(
            {"TransformInput__SplitType": "RecordIO", "DataProcessing": {"InputFilter": "$[1:]"}},
            "DataProcessing is not supported with SplitType RecordIO: its records can be neither filtered nor joined.",
            id="a filter on RecordIO",
        ),
        pytest.param(
            {"TransformInput__SplitType": "TFRecord", "DataProcessing": {"JoinSource": "Input"}},
            "DataProcessing is not supported with SplitType TFRecord: its records can be neither filtered nor joined.",
            id="a join with TFRecord",
        ),
        pytest.param(
            {"TransformInput__DataSource__S3DataSource__S3DataType": "AugmentedManifestFile"},
            "S3DataType AugmentedManifestFile is not supported for transform jobs; use S3Prefix or ManifestFile.",
            id="an augmented manifest",
        ),
        pytest.param(
            {"DataCaptureConfig": {"DestinationS3Uri": "s3://b/c"}},
            "DataCaptureConfig is not available in the local cloud. Leave it out.",
            id="data capture",
        ),
        pytest.param(
            {"DataProcessing": {"OutputFilter": "$..a"}},
            """Invalid OutputFilter: "$..a". Filter '$..a' cannot be read from character 3 on; the supported operators are """
            "$ .name * ['name'] ['a','b'] [n] [n,m] [start:end]",
            id="a filter beyond the subset",
        ),
        pytest.param(
            {"DataProcessing": {"InputFilter": "$[1:"}},
            """Invalid InputFilter: "$[1:". Filter '$[1:' cannot be read from character 2 on; the supported operators are """
            "$ .name * ['name'] ['a','b'] [n] [n,m] [start:end]",
            id="a bracket that is not closed",
        ),
        pytest.param(
            {
                "TransformInput__ContentType": "application/jsonlines",
                "TransformOutput__Accept": "application/jsonlines",
                "DataProcessing": {"OutputFilter": "$['a_b']"},
            },
            """Invalid OutputFilter: "$['a_b']". Unexpected "_" in JsonPath. Supported operators for """
            """"application/jsonlines" are ['$', '[', ']', '*', '.', ' ', ',', ':', '-', ''']""",
            id="an underscore",
        ),
        pytest.param(
            {"DataProcessing": {"InputFilter": "$.a"}},
            """Invalid InputFilter: "$.a". Unexpected "." in JsonPath. Supported operators for "text/csv" are """
            "['$', '[', ']', '*', ' ', ',', ':', '-']",
            id="a name in a CSV row",
        ),
        pytest.param(
            {"TransformResources": {"InstanceType": "ml.g5.xlarge", "InstanceCount": 1, "VolumeKmsKeyId": "k"}},
            "VolumeKmsKeyId is not supported for ml.g5.xlarge: its local storage is encrypted by hardware.",
            id="a volume key with local storage",
        ),
        pytest.param(
            {"Tags": [{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}]},
            "Duplicate tag keys found. Please note that tag keys are case insensitive. a",
            id="a tag given twice",
        ),
    ],
)
def test_what_cannot_be_done_is_refused_by_name(
    cloud: Any, bucket: str, model: str, changes: dict[str, Any], message: str
) -> None:
    assert refusal(cloud, cloud.request(bucket, model, **changes)) == ("ValidationException", message)


@pytest.mark.parametrize(
    "types",
    [
        pytest.param({"TransformOutput__Accept": None}, id="no Accept"),
        pytest.param({"TransformInput__ContentType": "text/libsvm"}, id="a type that cannot be joined"),
        pytest.param({"TransformInput__ContentType": "application/jsonlines"}, id="types that differ"),
    ],
)
def test_a_join_of_unsuitable_types_is_refused(cloud: Any, bucket: str, model: str, types: dict[str, Any]) -> None:
    request = cloud.request(bucket, model, DataProcessing={"JoinSource": "Input"}, **types)
    code, text = refusal(cloud, request)
    assert code == "ValidationException"
    assert text.startswith("DataProcessing with JoinSource Input needs the same ContentType and Accept")


@pytest.mark.parametrize(
    ("media_type", "split", "assembly", "accepted"),
    [
        pytest.param("text/csv", "Line", "Line", True, id="lines of CSV"),
        pytest.param("text/csv", "None", "None", False, id="CSV that is not cut"),
        pytest.param("text/csv", "Line", "None", False, id="CSV that is cut and not assembled"),
        pytest.param("application/jsonlines", "Line", "Line", True, id="JSON Lines"),
        pytest.param("application/jsonlines", "None", "Line", False, id="JSON Lines that are assembled and not cut"),
        pytest.param("application/json", None, None, True, id="a JSON document"),
    ],
)
def test_a_join_needs_records_cut_and_assembled_alike(
    media_type: str, split: str | None, assembly: str | None, *, accepted: bool
) -> None:
    request = {
        **PLAIN,
        "TransformInput": {**PLAIN["TransformInput"], "ContentType": media_type, "SplitType": split},
        "TransformOutput": {**PLAIN["TransformOutput"], "Accept": media_type, "AssembleWith": assembly},
        "DataProcessing": {"JoinSource": "Input"},
    }
    if accepted:
        errors.check_transform_job(request)
    else:
        with pytest.raises(ValidationError, match=f"for text/csv; they are {split} and {assembly}"):
            errors.check_transform_job(request)


@pytest.mark.parametrize("split", ["RecordIO", "TFRecord"])
def test_records_in_frames_are_accepted(split: str) -> None:
    errors.check_transform_job({**PLAIN, "TransformInput": {**PLAIN["TransformInput"], "SplitType": split}})


def test_a_range_beside_an_index_is_accepted_and_the_job_fails(cloud: Any, model: str) -> None:
    bucket = cloud.bucket({"in/a.csv": b"id1,a,1,2\n"})
    name = cloud.start(bucket, model, DataProcessing={"JoinSource": "Input", "OutputFilter": "$[0:2,3:]"})
    assert cloud.finish(name)["FailureReason"] == "ClientError: See job logs for more information"
    assert any("Invalid JsonPath: $[0:2,3:]: only single range filters" in line for line in cloud.log(name, data=True))


def test_an_unknown_model_is_refused(cloud: Any, bucket: str) -> None:
    expected = ("ValidationException", f'Could not find model "{ACCOUNT}:model/nobody".')
    assert refusal(cloud, cloud.request(bucket, "nobody")) == expected


@pytest.mark.parametrize(
    "uri", [pytest.param("{bucket}/none/", id="nothing there"), pytest.param("nobucket/in/", id="no bucket")]
)
def test_an_empty_input_is_refused(cloud: Any, bucket: str, model: str, uri: str) -> None:
    url = "s3://" + uri.format(bucket=bucket)
    name = url.split("/")[2]
    role = "arn:aws:iam::123456789012:role/execution"
    message = (
        f'No S3 objects found under S3 URL "{url}" given in input data source. Please ensure that the bucket exists in '
        "the selected region (us-east-1), that objects exist under that S3 prefix, and that the role "
        f'"{role}" has "s3:ListBucket" permissions on bucket "{name}".'
    )
    request = cloud.request(bucket, model, TransformInput__DataSource__S3DataSource__S3Uri=url)
    assert refusal(cloud, request) == ("ValidationException", message)


def test_a_role_that_does_not_trust_sagemaker_is_refused(cloud: Any, bucket: str) -> None:
    role = "arn:aws:iam::123456789012:role/untrusting"
    cloud.sagemaker.create_model(
        ModelName="untrusting", ExecutionRoleArn=role, PrimaryContainer={"Image": "double/lines"}
    )
    message = (
        f"Could not assume role {role}. Please ensure that the role exists and allows principal "
        "'sagemaker.amazonaws.com' to assume the role."
    )
    assert refusal(cloud, cloud.request(bucket, "untrusting")) == ("ValidationException", message)


def test_a_name_can_be_used_once_only(cloud: Any, bucket: str, model: str) -> None:
    request = cloud.request(bucket, model)
    arn = cloud.sagemaker.create_transform_job(**request)["TransformJobArn"]
    assert arn == f"{ACCOUNT}:transform-job/{request['TransformJobName']}"
    text = f"Job name must be unique within an AWS account and region, and a job with this name already exists ({arn})"
    assert refusal(cloud, request) == ("ResourceInUse", text)
    cloud.finish(request["TransformJobName"])
    assert refusal(cloud, request) == ("ResourceInUse", text)


def test_an_arn_keeps_the_case_of_the_name(cloud: Any, bucket: str, model: str) -> None:
    request = cloud.request(bucket, model, TransformJobName="With-Capitals")
    arn = cloud.sagemaker.create_transform_job(**request)["TransformJobArn"]
    assert arn == f"{ACCOUNT}:transform-job/With-Capitals"


def test_of_many_at_once_one_gets_the_name(cloud: Any, bucket: str, model: str) -> None:
    request = cloud.request(bucket, model)

    def create(_: int) -> str:
        try:
            return cloud.client("sagemaker").create_transform_job(**request)["TransformJobArn"]
        except ClientError as error:
            return error.response["Error"]["Code"]

    with ThreadPoolExecutor(8) as pool:
        answers = sorted(pool.map(create, range(8)))
    assert answers == ["ResourceInUse"] * 7 + [f"{ACCOUNT}:transform-job/{request['TransformJobName']}"]


@pytest.fixture
def quotas(cloud: Any) -> Iterator[Path]:
    """The file that sets quotas."""
    file: Path = cloud.home / "quotas.json"
    yield file
    file.unlink()


def test_a_quota_that_is_used_up_refuses_the_job(cloud: Any, bucket: str, model: str, quotas: Path) -> None:
    quotas.write_text('{"ml.m5.xlarge for transform job usage": 0}')
    request = cloud.request(bucket, model, TransformResources={"InstanceType": "ml.m5.xlarge", "InstanceCount": 2})
    message = (
        "The account-level service limit 'ml.m5.xlarge for transform job usage' is 0 Instances, with current "
        "utilization of 0 Instances and a request delta of 2 Instances. Please use AWS Service Quotas to request an "
        "increase for this quota. If AWS Service Quotas is not available, contact AWS support to request an increase "
        "for this quota."
    )
    assert refusal(cloud, request) == ("ResourceLimitExceeded", message)


def test_a_quota_counts_for_its_instance_type_only(cloud: Any, bucket: str, model: str, quotas: Path) -> None:
    quotas.write_text('{"ml.c5.xlarge for transform job usage": 0, "ml.c5.2xlarge for transform job usage": 1}')
    resources = {"InstanceType": "ml.c5.xlarge", "InstanceCount": 1}
    assert refusal(cloud, cloud.request(bucket, model, TransformResources=resources))[0] == "ResourceLimitExceeded"
    cloud.start(bucket, model, TransformResources={"InstanceType": "ml.c5.2xlarge", "InstanceCount": 1})


def test_a_missing_member_is_refused_by_the_service_too(cloud: Any, bucket: str, model: str) -> None:
    unchecked = cloud.client("sagemaker", Config(parameter_validation=False))
    request = cloud.request(bucket, model, TransformOutput__S3OutputPath=None)
    with pytest.raises(ClientError) as raised:
        unchecked.create_transform_job(**request)
    assert raised.value.response["Error"]["Message"] == (
        "1 validation error detected: Value null at 'transformOutput.s3OutputPath' failed to satisfy constraint: "
        "Member must not be null"
    )
