"""Declarations of a test, and the messages about them."""

import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import pulumi
import pytest

from jobs import declaration
from jobs.arguments import TransformJobArgs
from jobs.declaration import JobDefaults, Jobs

ARGS = TransformJobArgs(input="in.csv")


def refused(defaults: JobDefaults, *declarations: Callable[[Jobs], object]) -> str:
    with pytest.raises(pulumi.RunError) as error:
        declaration.collect(declarations, defaults)
    return str(error.value)


def archive(path: Path, features: int, **files: str) -> str:
    """Pack what xgboost would save for a model of so many features, and other files; return the archive's name."""
    learner = {"gradient_booster": {}, "learner_model_param": {"num_feature": str(features)}, "objective": {}}
    model = json.dumps({"learner": learner, "version": [3, 0, 5]})
    with tarfile.open(path, "w:gz") as target:
        for name, text in {"xgboost-model": model, **files}.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            target.addfile(member, io.BytesIO(text.encode()))
    return path.name
