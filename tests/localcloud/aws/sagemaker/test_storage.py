"""How outputs are put into S3."""

from __future__ import annotations

from typing import Any

import pytest

from localcloud.aws.sagemaker.job_io import PART_BYTES, S3Sink
from localcloud.batch_transform.unverified import Choices


@pytest.mark.parametrize("size", [pytest.param(1, id="in one piece"), pytest.param(PART_BYTES + 1, id="in parts")])
@pytest.mark.parametrize(
    "content_type",
    [
        pytest.param(Choices().output_content_type, id="by default"),
        pytest.param("text/csv", id="by switch"),
    ],
)
def test_an_output_has_the_content_type_of_the_switch(cloud: Any, size: int, content_type: str) -> None:
    bucket = cloud.bucket({})
    writer = S3Sink(cloud.s3, content_type).create(bucket, "a.out")
    writer.write(bytes(size))
    assert cloud.keys(bucket) == []
    writer.commit()
    head = cloud.s3.head_object(Bucket=bucket, Key="a.out")
    assert (head["ContentType"], head["ContentLength"]) == (content_type, size)
    assert Choices().output_content_type == "application/octet-stream"
