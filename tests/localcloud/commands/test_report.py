"""The model that is served for the notebook is the one that the job used."""

from __future__ import annotations

import io
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from localcloud import containers
from localcloud.commands.report import Model, model_of, serving
from localcloud.console import CommandError

OWN = {
    "Image": "111122223333.dkr.ecr.us-east-1.amazonaws.com/own:1",
    "ModelDataUrl": "s3://models/a/b.tar.gz",
    "Environment": {"KEY": "value"},
}


class FakeAccount:
    """SageMaker and S3 in one, with one job and its model."""

    def __init__(self, container: dict[str, Any] | None) -> None:
        self.container = container

    def describe_transform_job(self, TransformJobName: str) -> dict[str, Any]:  # noqa: N803  boto3's name
        assert TransformJobName == "job"
        return {"ModelName": "own"}

    def describe_model(self, ModelName: str) -> dict[str, Any]:  # noqa: N803
        if self.container is None:
            raise ClientError({"Error": {"Code": "ValidationException", "Message": "no such model"}}, "DescribeModel")
        return {"ModelName": ModelName, "PrimaryContainer": self.container}

    def get_object(self, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        return {"Body": io.BytesIO(f"{Bucket}/{Key}".encode())}


def test_the_model_is_the_one_that_the_job_asked() -> None:
    account = FakeAccount(OWN)
    with model_of("job", lambda _: account) as model:
        assert (model.image, model.environment) == (OWN["Image"], {"KEY": "value"})
        assert model.archive.read_bytes() == b"models/a/b.tar.gz"
    assert not model.archive.exists()


@pytest.mark.parametrize(
    ("container", "words"),
    [
        pytest.param(None, "no such model", id="deleted since"),
        pytest.param({"Image": "i"}, "ModelDataUrl", id="without an archive"),
    ],
)
def test_a_model_that_cannot_be_had_is_reported(container: dict[str, Any] | None, words: str) -> None:
    account = FakeAccount(container)
    with pytest.raises(CommandError, match=words), model_of("job", lambda _: account):
        pass


def test_a_container_that_ends_before_it_answers_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    @contextmanager
    def start(*_: object, **__: object) -> Generator[SimpleNamespace]:
        yield SimpleNamespace(url="http://127.0.0.1:9", poll=lambda: 1)

    monkeypatch.setattr(containers, "start", start)
    with pytest.raises(CommandError, match="does not answer /ping"), serving(Model("image", tmp_path / "m", {})):
        pass
