"""What tests of declared jobs start from."""

from pathlib import Path

import pytest

from jobs.declaration import JobDefaults


@pytest.fixture
def defaults(tmp_path: Path) -> JobDefaults:
    (tmp_path / "in.csv").write_text("1,2\n3,4\n")
    return JobDefaults(
        region="us-east-1",
        prefix="w",
        batch_input="in.csv",
        instance_type="ml.m5.large",
        allowed_instance_types=("ml.m5.large",),
        rerun={"a": "2"},
        root=tmp_path,
    )
