"""Arguments of a type that was not declared, said by name before anything else looks at them."""

from dataclasses import replace
from typing import Any

import pulumi
import pytest

from jobs.argument_types import mistyped
from jobs.arguments import ExperimentConfig, ModelClientConfig, TransformJobArgs
from jobs.inputs import ResultOf

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
        pytest.param({"after": "first"}, "after: 'first' is not allowed. Allowed: a tuple of texts", id="no tuple"),
        pytest.param({"tags": {"a": 1}}, "tags: {'a': 1} is not allowed. Allowed: a mapping of texts", id="a number"),
        pytest.param({"input": 5}, "input: 5 is not allowed. Allowed: a text or ResultOf", id="a number for a place"),
        pytest.param(
            {"model_client_config": ModelClientConfig("60", 1)},  # pyright: ignore[reportArgumentType]
            "model_client_config.invocations_timeout_in_seconds: '60' is not allowed",
            id="within a part",
        ),
        pytest.param({"experiment_config": {"trial_name": "t"}}, "Allowed: ExperimentConfig or None", id="a mapping"),
    ],
)
def test_otherwise(changes: dict[str, Any], problem: str) -> None:
    (found,) = mistyped(replace(ARGS, **changes))
    assert problem in found


def test_parts_are_named_by_their_own_members() -> None:
    changed = replace(ARGS, experiment_config=ExperimentConfig(trial_name=5))  # pyright: ignore[reportArgumentType]
    assert [problem.split(":")[0] for problem in mistyped(changed)] == ["experiment_config.trial_name"]
