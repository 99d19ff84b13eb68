"""Files of the retired operator: converted, or refused with the name and line of the field."""

from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pulumi
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from jobs import declaration, legacy
from jobs.account import Account
from jobs.arguments import TransformJobArgs
from jobs.declaration import JobDefaults, Jobs
from jobs.validation import Limits
from tests.jobs.legacy_files import FULL, SMALL


def test_every_field_of_the_old_kind_is_converted() -> None:
    job = legacy.parse(FULL, "f.yaml")
    assert (job.name, job.namespace, job.region, job.transform_job_name) == (
        "full",
        "science",
        "eu-west-1",
        "my-own-name",
    )
    assert job.args == TransformJobArgs(
        input="s3://b/m.json",
        s3_data_type="ManifestFile",
        content_type="text/csv",
        compression_type="Gzip",
        split_type="Line",
        accept="text/csv",
        assemble_with="Line",
        output_kms_key_id="k",
        output_base="s3://b/out",
        model_name="my-model",
        batch_strategy="SingleRecord",
        max_payload_in_mb=10,
        max_concurrent_transforms=2,
        environment={"A": "1", "B": "two"},
        input_filter="$[1:]",
        join_source="Input",
        output_filter="$[0,-1]",
        instance_type="ml.m5.large",
        instance_count=3,
        volume_kms_key_id="v",
        tags={"team": "science"},
    )


def test_omitted_fields_get_sagemakers_defaults_not_ours() -> None:
    args = legacy.parse(SMALL, "f.yaml").args
    assert (args.accept, args.assemble_with, args.compression_type) == (None, "None", "None")


def test_the_manifest_is_the_equal_transform_job() -> None:
    made = legacy.manifest(legacy.parse(FULL, "f.yaml"))
    assert (made["apiVersion"], made["kind"]) == ("sagemaker.services.k8s.aws/v1alpha1", "TransformJob")
    assert made["metadata"]["name"] == "full"
    assert made["metadata"]["namespace"] == "science"
    assert made["metadata"]["annotations"]["services.k8s.aws/region"] == "eu-west-1"
    spec = made["spec"]
    assert spec["transformJobName"] == "my-own-name"
    assert spec["transformInput"]["dataSource"]["s3DataSource"]["s3URI"] == "s3://b/m.json"
    assert spec["transformOutput"]["s3OutputPath"] == "s3://b/out"
    assert spec["tags"] == [{"key": "team", "value": "science"}]


def test_a_job_without_a_name_is_named_by_its_content_under_the_prefix() -> None:
    made = legacy.manifest(legacy.parse(SMALL, "f.yaml"))
    assert made["spec"]["transformJobName"].startswith("batch-workshop-tf-batch-")


def test_the_python_declares_the_same_job() -> None:
    job = legacy.parse(FULL, "f.yaml")
    assert _declared(legacy.python(job).encode()) == {"full": job.args}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        pytest.param("tf.batch", "must consist of a-z, 0-9 and -", id="a dot"),
        pytest.param("t" * 40, "has 40 characters, 39 are allowed", id="too long a name"),
    ],
)
def test_no_name_is_made_that_sagemaker_refuses(name: str, message: str) -> None:
    job = legacy.parse(SMALL.replace("tf-batch", name), "f.yaml")
    with pytest.raises(legacy.LegacyError) as error:
        legacy.manifest(job)
    said = str(error.value)
    assert said.startswith(f"f.yaml: metadata.name '{name}' cannot be part of a generated name: ")
    assert message in said
    assert said.endswith("; give the job another name, or a spec.transformJobName that starts with batch-workshop-")


def test_an_object_of_any_name_may_have_a_job_with_its_own_name() -> None:
    made = legacy.manifest(legacy.parse(FULL.replace("name: full", "name: full.er"), "f.yaml"))
    assert (made["metadata"]["name"], made["spec"]["transformJobName"]) == ("full.er", "my-own-name")


ODD = st.text(st.characters(codec=None), max_size=20)  # lone surrogates too: YAML can spell them


@given(ODD, st.dictionaries(ODD, ODD, max_size=3))
@example("\U0001f600 Größe", {"it's": 'a "word"', "\\'\"": "\n\x00\ud83d", "{x}": "%s"})
def test_the_python_has_every_text_as_the_file_has_it(text: str, environment: dict[str, str]) -> None:
    parsed = legacy.parse(SMALL, "f.yaml")
    args = replace(parsed.args, content_type=text, environment=environment)
    job = replace(parsed, name=text, namespace=text, transform_job_name=text, args=args)
    assert _declared(legacy.python(job).encode()) == {text: args}


@pytest.mark.parametrize(
    ("text", "written"),
    [
        pytest.param("text/plain", '"text/plain"', id="plain"),
        pytest.param("it's", '"it\'s"', id="a single quote"),
        pytest.param('a "word"', "'a \"word\"'", id="double quotes, which the formatter does not escape"),
        pytest.param("Größe \U0001f600", '"Größe \U0001f600"', id="letters and symbols of any script"),
        pytest.param("a\nb", '"a\\nb"', id="a line break"),
    ],
)
def test_the_python_writes_a_text_as_the_formatter_does(text: str, written: str) -> None:
    args = replace(legacy.parse(SMALL, "f.yaml").args, content_type=text)
    lines = legacy.python(replace(legacy.parse(SMALL, "f.yaml"), args=args)).splitlines()
    assert f"            content_type={written}," in lines


def _declared(source: bytes) -> dict[str, TransformJobArgs]:
    names: dict[str, Any] = {}
    exec(source, names)  # noqa: S102 the text is what is tested
    jobs = Mock(spec=Jobs)
    names["declare"](jobs)
    return dict(call.args for call in jobs.add.call_args_list)


def test_a_comment_in_the_python_says_what_is_left_out() -> None:
    lines = legacy.python(legacy.parse(FULL, "f.yaml")).splitlines()
    assert [line for line in lines if line.startswith("#")] == [
        "# The job was called 'my-own-name'; here its name is made from its content.",
        "# The object was in the namespace 'science'; here it is in 'default'.",
    ]
    assert not legacy.python(legacy.parse(SMALL, "f.yaml")).startswith("#")


def _defaults(root: Path) -> JobDefaults:
    return JobDefaults("us-east-1", "w", "in.csv", Limits(("ml.m4.xlarge",), own_tags=5), root=root)


def test_a_legacy_file_can_be_declared_unedited(tmp_path: Path) -> None:
    (tmp_path / "tf-batch.yaml").write_text(SMALL)
    jobs = Jobs(_defaults(tmp_path), Account(list_objects=lambda _: [legacy_object()]))
    legacy.declare(jobs, "tf-batch.yaml")
    (job,) = jobs.plan()
    assert job.name == "tf-batch"


def test_a_loaded_file_is_a_declaration(tmp_path: Path) -> None:
    (tmp_path / "tf-batch.yaml").write_text(SMALL)
    loaded = legacy.load(tmp_path / "tf-batch.yaml")
    (job,) = declaration.collect([loaded], _defaults(tmp_path), Account(list_objects=lambda _: [legacy_object()]))
    assert (job.name, job.args) == ("tf-batch", loaded.args)


def test_a_file_that_cannot_be_loaded_ends_the_program_without_a_traceback(tmp_path: Path) -> None:
    with pytest.raises(pulumi.RunError, match="cannot be read"):
        legacy.load(tmp_path / "gone.yaml")


def legacy_object() -> Any:
    from lookups.s3 import S3Object  # noqa: PLC0415 used here only

    return S3Object("in.csv", "e", 3)


def test_a_file_for_another_region_is_refused(tmp_path: Path) -> None:
    (tmp_path / "tf-batch.yaml").write_text(SMALL.replace("us-east-1", "us-west-2"))
    with pytest.raises(pulumi.RunError, match=r"spec\.region is us-west-2, and this stack is in us-east-1"):
        declaration.collect(
            [lambda jobs: legacy.declare(jobs, "tf-batch.yaml")],
            _defaults(tmp_path),
            Account(list_objects=lambda _: [legacy_object()]),
        )


def test_a_missing_file_is_reported_together_with_all_other_problems(tmp_path: Path) -> None:
    with pytest.raises(pulumi.RunError, match="cannot be read"):
        declaration.collect([lambda jobs: legacy.declare(jobs, "gone.yaml")], _defaults(tmp_path))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(SMALL + "---\n" + SMALL, "contains 2 documents", id="two documents"),
        pytest.param("", "is empty; it must contain one BatchTransformJob", id="nothing"),
        pytest.param("- a\n", "line 1: this is not a Kubernetes object", id="a list"),
        pytest.param("a: [\n", "line 2: this is not YAML", id="no YAML"),
        pytest.param("a: \0\n", "this is not YAML: unacceptable character", id="a null"),
        pytest.param("[" * 1_000, "this is not YAML: it is nested too deeply", id="lists without end"),
        pytest.param(SMALL + "  ? [a]\n  : b\n", "line 20: this is not a field's name", id="a list for a name"),
        pytest.param(
            SMALL.replace("  modelName", "  modelNames"),
            r"spec.modelName is missing; is modelNames, line 7, meant\?",
            id="a misspelt field",
        ),
        pytest.param(SMALL + "  hurry: true\n", "line 20: spec.hurry is not a field", id="an unknown field"),
        pytest.param(SMALL.replace("  modelName: my-model\n", ""), "spec.modelName is missing", id="a missing field"),
        pytest.param(
            SMALL.replace("instanceCount: 1", "instanceCount: one"),
            "line 18: spec.transformResources.instanceCount must be a whole number",
            id="a text for a number",
        ),
        pytest.param(
            SMALL.replace("instanceCount: 1", "instanceCount: --1"),
            "must be a whole number",
            id="a number with two signs",
        ),
        pytest.param(
            SMALL.replace("instanceCount: 1", "instanceCount: ²"), "must be a whole number", id="a digit that is none"
        ),
        pytest.param(
            SMALL.replace("instanceCount: 1", f"instanceCount: {'9' * 5000}"),
            "must be a whole number",
            id="a number of 5000 digits",
        ),
        pytest.param(
            SMALL + "  sageMakerEndpoint: https://x\n",
            "line 20: spec.sageMakerEndpoint is not supported",
            id="an endpoint",
        ),
        pytest.param(
            SMALL.replace("BatchTransformJob", "TrainingJob"),
            "line 2: kind must be BatchTransformJob",
            id="another kind",
        ),
        pytest.param(
            SMALL.replace("aws.amazon.com/v1", "aws.amazon.com/v2"), "line 1: apiVersion must be", id="another version"
        ),
        pytest.param(SMALL + "  region: us-west-2\n", "line 20: region is given twice", id="a key twice"),
        pytest.param(
            SMALL.replace("    dataSource:", "    dataSource: x\n    other:"),
            "dataSource must be a mapping",
            id="a text for a mapping",
        ),
        pytest.param(
            SMALL + "  tags: [{key: a, values: b}]\n",
            "spec.tags.values is not a field",
            id="an unknown field in a list",
        ),
        pytest.param(
            SMALL.replace("tf-batch", "{{ .Release.Name }}"),
            r"line 4: this is the template of a Helm chart \({{ .Release.Name }}\); render it first",
            id="a template of Helm's",
        ),
        pytest.param(
            SMALL + "  tags: [{name: team, value: science}]\n",
            "line 20: spec.tags.name must be called key",
            id="a tag with a name for its key",
        ),
        pytest.param(
            SMALL + "  environment: [{key: A, value: b}]\n",
            "line 20: spec.environment.key must be called name",
            id="a variable with a key for its name",
        ),
        pytest.param(
            SMALL + "  dataProcessing: {joinSource: Input}\n",
            "line 20: spec.dataProcessing.joinSource is spelt JoinSource",
            id="a join in lower case",
        ),
        pytest.param(
            SMALL + "  dataProcessing: {JoinSource: input}\n",
            "JoinSource must be Input, not 'input'",
            id="the value of a join in lower case",
        ),
        pytest.param(
            "apiVersion: v1\nkind: List\nitems: []\n",
            "line 2: kind is List, which contains several objects; put each of its items into a file",
            id="a list of objects",
        ),
        pytest.param(
            SMALL.replace("  name: tf-batch", "  generateName: tf-"),
            "line 4: metadata.generateName is not supported: a declared job needs a fixed name",
            id="a generated name",
        ),
        pytest.param(
            SMALL.replace("S3Prefix", "AugmentedManifestFile"),
            "must be S3Prefix or ManifestFile: only training reads an AugmentedManifestFile",
            id="a data type of training's",
        ),
        pytest.param(
            SMALL.replace("s3://my-bucket/in.csv", "https://my-bucket.s3.us-east-1.amazonaws.com/in.csv"),
            "must be an S3 URI: write s3://my-bucket/in.csv for https://",
            id="the https address of an object",
        ),
        pytest.param(
            SMALL.replace("s3://my-bucket/in.csv", "https://s3.amazonaws.com/my-bucket/a/in.csv"),
            "must be an S3 URI: write s3://my-bucket/a/in.csv for https://",
            id="the https address of an object, bucket in the path",
        ),
        pytest.param(SMALL + "  environment: {A: b}\n", "spec.environment must be a list", id="a mapping for a list"),
    ],
)
def test_a_file_is_refused_where_it_is_wrong(text: str, message: str) -> None:
    with pytest.raises(legacy.LegacyError, match=message):
        legacy.parse(text, "f.yaml")


def test_the_manifest_does_not_adopt_a_job_that_ran_on_other_input() -> None:
    """Its name does not count what lies under the input, so an older job of this name may have read something else."""
    made = legacy.manifest(legacy.parse(SMALL, "f.yaml"))
    assert made["metadata"]["annotations"] == {"services.k8s.aws/region": "us-east-1"}
