"""What tests of declared jobs start from."""

from pathlib import Path

import pytest

from infra.model_args import ModelArgs
from jobs.declaration import OWN_TAGS, JobDefaults
from jobs.validation import Limits


@pytest.fixture
def defaults(tmp_path: Path) -> JobDefaults:
    (tmp_path / "in.csv").write_text("1,2\n3,4\n")
    return JobDefaults(
        region="us-east-1",
        prefix="w",
        batch_input="in.csv",
        limits=Limits(("ml.m5.large",), own_tags=OWN_TAGS + 2, own_buckets="w-data-"),
        model=ModelArgs(archive="model.tar.gz", image=f"{'1' * 12}.dkr.ecr.us-east-1.amazonaws.com/own:1"),
        rerun={"a": "2"},
        root=tmp_path,
    )
