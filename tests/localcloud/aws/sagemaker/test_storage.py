"""How outputs get into S3, and log lines into CloudWatch."""

from __future__ import annotations

from typing import Any

import pytest

from localcloud.aws.sagemaker.job_io import PART_BYTES, CloudWatchJobLogs, S3Sink


@pytest.mark.parametrize("size", [pytest.param(1, id="in one piece"), pytest.param(PART_BYTES + 1, id="in parts")])
def test_an_output_has_the_content_type_of_unknown_content(cloud: Any, size: int) -> None:
    bucket = cloud.bucket({})
    writer = S3Sink(cloud.s3).create(bucket, "a.out")
    writer.write(bytes(size))
    assert cloud.keys(bucket) == []
    writer.commit()
    head = cloud.s3.head_object(Bucket=bucket, Key="a.out")
    assert (head["ContentType"], head["ContentLength"]) == ("application/octet-stream", size)


def test_a_log_line_is_cut_by_its_bytes_between_two_characters(cloud: Any) -> None:
    logs = CloudWatchJobLogs(cloud.logs, "cut", 1)
    logs.container(0, "", b"x" + "ä".encode() * 200_000)
    logs.close()
    assert cloud.log("cut", data=False) == ["x" + "ä" * 124_999]
