"""Arguments with an unknown name or a wrong type are reported by name before anything else uses them."""

import copy
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import pulumi
import pytest

from jobs.arguments import ContainerArgs, ExperimentConfig, ModelArgs, ModelClientConfig, Schedule, TransformJobArgs
from jobs.inputs import ResultOf
from jobs.validation import mistyped

ARGS = TransformJobArgs(input="in.csv")


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="the defaults"),
        pytest.param({"input": ResultOf("first")}, id="another job's result"),
        pytest.param({"model_name": "own"}, id="a model's name"),
        pytest.param({"model_name": pulumi.Output.from_input("own")}, id="a model's name that comes later"),
        pytest.param({"environment": {"A": "1"}, "tags": {"a": "b"}, "after": ("a",)}, id="mappings and a tuple"),
        pytest.param({"model_client_config": ModelClientConfig(1, 1)}, id="a part of several members"),
        pytest.param({"label_column": 1, "label_key": "id"}, id="columns by position and by name"),
        pytest.param({"model": ModelArgs(containers=(ContainerArgs(), ContainerArgs()))}, id="parts in a tuple"),
    ],
)
def test_as_declared(changes: dict[str, Any]) -> None:
    assert list(mistyped(replace(ARGS, **changes))) == []


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        pytest.param({"instance_count": "1"}, "instance_count: '1' is not allowed. Allowed: a whole number", id="text"),
        pytest.param({"instance_count": True}, "instance_count: True is not allowed", id="a truth for a number"),
        pytest.param({"wait": "no"}, "wait: 'no' is not allowed. Allowed: True or False", id="a text for a truth"),
        pytest.param({"split_type": None}, "split_type: None is not allowed. Allowed: a text", id="None for a word"),
        pytest.param({"max_concurrent_transforms": 1.5}, "Allowed: a whole number or None", id="a fraction"),
        pytest.param({"after": "first"}, "Allowed: a tuple or list of texts, such as ('first',)", id="no tuple"),
        pytest.param({"tags": {"a": 1}}, "tags: {'a': 1} is not allowed. Allowed: a mapping of texts", id="a number"),
        pytest.param({"input": 5}, "input: 5 is not allowed. Allowed: a text or ResultOf", id="a number for a place"),
        pytest.param(
            {"model_client_config": ModelClientConfig("60", 1)},  # pyright: ignore[reportArgumentType]
            "model_client_config.invocations_timeout_in_seconds: '60' is not allowed",
            id="within a part",
        ),
        pytest.param({"experiment_config": {"trial_name": "t"}}, "Allowed: ExperimentConfig or None", id="a mapping"),
        pytest.param({"columns": [1]}, "columns: (1,) is not allowed. Allowed: a tuple or list of texts", id="numbers"),
        pytest.param(
            {"model": ModelArgs(containers=(ContainerArgs(archive=1),))},  # pyright: ignore[reportArgumentType]
            "model.containers[0].archive: 1 is not allowed",
            id="within a part of a tuple",
        ),
        pytest.param(
            {"model": ModelArgs(containers=("a", "b"))},  # pyright: ignore[reportArgumentType]
            "Allowed: a tuple or list of ContainerArgs",
            id="texts for parts",
        ),
        pytest.param({"input": None}, "Does the function that should give it end in `return`?", id="None for a result"),
        pytest.param(
            {"input": pulumi.Output.from_input("s3://b/x")},
            "the value that jobs.add returns",
            id="an Output for an input",
        ),
        pytest.param(
            {"input": f"s3://{pulumi.Output.from_input('b')}/x"},
            "input: a string was made from an Output, whose value is not known yet",
            id="an f-string over an Output",
        ),
    ],
)
def test_otherwise(changes: dict[str, Any], problem: str) -> None:
    (found,) = mistyped(replace(ARGS, **changes))
    assert problem in found


def test_parts_are_named_by_their_own_members() -> None:
    changed = replace(ARGS, experiment_config=ExperimentConfig(trial_name=5))  # pyright: ignore[reportArgumentType]
    assert [problem.split(":")[0] for problem in mistyped(changed)] == ["experiment_config.trial_name"]


@pytest.mark.parametrize(
    ("name", "right"),
    [
        pytest.param("strategy", "it is called batch_strategy", id="the SDK's strategy"),
        pytest.param("output_path", "it is called output_base", id="the SDK's output_path"),
        pytest.param("max_payload", "it is called max_payload_in_mb", id="the SDK's max_payload"),
        pytest.param("env", "it is called environment", id="the SDK's env"),
        pytest.param("BatchStrategy", "it is called batch_strategy", id="boto3's BatchStrategy"),
        pytest.param("MaxPayloadInMB", "it is called max_payload_in_mb", id="boto3's MaxPayloadInMB"),
        pytest.param("inputFilter", "it is called input_filter", id="in camel case"),
        pytest.param("imput_filter", "is input_filter meant?", id="misspelt"),
    ],
)
def test_an_argument_of_another_name_is_refused_with_the_right_one_and_its_line(name: str, right: str) -> None:
    with pytest.raises(pulumi.RunError, match=r"test_argument_types\.py, line \d+: TransformJobArgs has no") as error:
        TransformJobArgs(**{"input": "in.csv", name: "x"})  # pyright: ignore[reportArgumentType]  that is the mistake
    assert right in str(error.value)


def test_a_changed_copy_of_arguments_knows_the_right_names_too() -> None:
    with pytest.raises(pulumi.RunError, match=r"test_argument_types\.py, line \d+: .*it is called batch_strategy"):
        replace(ARGS, strategy="SingleRecord")  # pyright: ignore[reportCallIssue]  that is the mistake


@pytest.mark.parametrize(
    ("kind", "args", "problem"),
    [
        pytest.param(TransformJobArgs, (), "missing a required argument: 'input'", id="no input"),
        pytest.param(Schedule, (), "missing a required argument: 'expression'", id="no expression"),
        pytest.param(ModelClientConfig, (1, 2, 3), "too many positional arguments", id="one too many"),
    ],
)
def test_a_missing_or_surplus_argument_is_refused_with_its_line(kind: Any, args: tuple[int, ...], problem: str) -> None:
    with pytest.raises(pulumi.RunError, match=r"test_argument_types\.py, line \d+: ") as error:
        kind(*args)
    assert f"{kind.__name__}: {problem}" in str(error.value)


def test_paths_and_lists_make_the_same_arguments_as_texts_and_tuples() -> None:
    parts = ContainerArgs(archive="m.tar.gz"), ContainerArgs(image="own")
    given: Any = {"input": Path("d/in.csv"), "labels": Path("y.csv"), "after": ["a"], "columns": ["b", "c"]}
    made = TransformJobArgs(
        **given, model=ModelArgs(containers=[replace(parts[0], archive=Path("m.tar.gz")), parts[1]])
    )  # pyright: ignore[reportArgumentType]
    texts = TransformJobArgs(
        input="d/in.csv", labels="y.csv", after=("a",), columns=("b", "c"), model=ModelArgs(containers=parts)
    )
    assert made == texts
    assert repr(made) == repr(texts)


def test_arguments_can_be_copied() -> None:
    given = replace(ARGS, after=("a",), model_client_config=ModelClientConfig(1, 1))
    assert copy.copy(given) == copy.deepcopy(given) == pickle.loads(pickle.dumps(given)) == given  # noqa: S301  our own
