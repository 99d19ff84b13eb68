"""A stack in moto's pretended account: its jobs, their objects in S3, and a `pulumi` that prints its outputs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

BUCKET = "stack-data"
ROLE = "arn:aws:iam::123456789012:role/execution"


class Stack:
    """A stack `dev` whose jobs have run."""

    def __init__(self, folder: Path, connect: Callable[..., Any]) -> None:
        self.folder, self.s3, self.sagemaker = folder, connect("s3"), connect("sagemaker")
        self.jobs: dict[str, dict[str, Any]] = {}
        self.s3.create_bucket(Bucket=BUCKET)
        self.model("model")

    def model(self, name: str, archive: bytes = b"none") -> None:
        """Make a model whose archive is in the bucket."""
        uri = self.put(f"models/{name}.tar.gz", archive)
        container = {"Image": "image", "ModelDataUrl": uri}
        self.sagemaker.create_model(ModelName=name, PrimaryContainer=container, ExecutionRoleArn=ROLE)

    def put(self, key: str, body: bytes | str) -> str:
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=body.encode() if isinstance(body, str) else body)
        return f"s3://{BUCKET}/{key}"

    def file(self, name: str, text: str) -> str:
        """A file on this machine; gives its path."""
        path = self.folder / name
        path.write_text(text)
        return str(path)

    def ran(
        self,
        name: str,
        given: Mapping[str, str],
        made: Mapping[str, str],
        *,
        labels: Mapping[str, Any] | None = None,
        processing: Mapping[str, str] | None = None,
        content_type: str = "text/csv",
        model: str = "model",
        **more: Any,
    ) -> dict[str, Any]:
        """Declare a job that has read these objects and written those, each by its name; one that ends with a slash
        is a folder's.
        """
        for key, body in given.items():
            self.put(f"input/{name}/{key}", body)
        for key, body in made.items():
            self.put(f"output/{name}/{key}.out", body)
        single = len(given) == 1 and len(made) <= 1
        self._record(name, processing or {}, content_type, model)
        key = next(iter(given))
        self.jobs[name] = {
            "job_name": name,
            "status": "Completed",
            "input_path": f"s3://{BUCKET}/input/{name}/{key if single else ''}",
            "output_path": f"s3://{BUCKET}/output/{name}/",
            "result_path": f"s3://{BUCKET}/output/{name}/{f'{key}.out' if single else ''}",
            **({"labels": {"column": None, "columns": None, "key": None, **labels}} if labels else {}),
            **more,
        }
        (self.folder / "outputs.json").write_text(json.dumps({"transform_jobs": self.jobs}))
        return self.jobs[name]

    def _record(self, name: str, processing: Mapping[str, str], content_type: str, model: str) -> None:
        source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/input/{name}/"}}
        self.sagemaker.create_transform_job(
            TransformJobName=name,
            ModelName=model,
            TransformInput={"DataSource": source, "ContentType": content_type, "SplitType": "Line"},
            TransformOutput={"S3OutputPath": f"s3://{BUCKET}/output/{name}", "Accept": content_type},
            TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1},
            **({"DataProcessing": dict(processing)} if processing else {}),
        )


@pytest.fixture
def a_stack(tmp_path: Path, connect: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> Stack:
    """A stack without jobs yet; `pulumi` on PATH tells its outputs."""
    program = tmp_path / "bin" / "pulumi"
    program.parent.mkdir()
    (tmp_path / "outputs.json").write_text("{}")
    program.write_text(f"#!/bin/sh\nexec cat '{tmp_path}/outputs.json'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    monkeypatch.setenv("PULUMI_STACK", "dev")
    return Stack(tmp_path, connect)


def lines(values: Iterable[object]) -> str:
    """One value a line."""
    return "".join(f"{value}\n" for value in values)
