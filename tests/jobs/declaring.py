"""Declarations of a test, and what is said of them."""

from collections.abc import Callable

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
