"""Jobs from CreateTransformJob to the output in S3, through a running endpoint and a real worker process."""

from __future__ import annotations

from typing import Any


def test_a_job_writes_its_output_and_completes(cloud: Any) -> None:
    bucket = cloud.bucket({"in/a.csv": b"1,2\n3,4\n"})
    job = cloud.run(bucket, cloud.model("lines"))
    assert job["TransformJobStatus"] == "Completed", job
    assert cloud.content(bucket, "out/a.csv.out") == b"2\n2\n"
    assert cloud.keys(bucket, "out") == ["out/a.csv.out"]
