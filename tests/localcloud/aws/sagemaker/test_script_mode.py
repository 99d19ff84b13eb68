"""A scikit-learn model of a user's own in script mode, from CreateModel to the result, on the whole endpoint."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from localcloud.containers import ContainerError
from localcloud.containers.scikit_learn.environment import ensure, find_python
from localcloud.containers.scikit_learn.versions import VERSIONS, Versions
from tests.localcloud.aws.endpoint import Endpoint, allow
from tests.localcloud.containers.support import pack, wheel

ENVIRONMENT = {"SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code"}
SCRIPT = b"""
import os
import joblib

def model_fn(model_dir):
    return joblib.load(os.path.join(model_dir, "model.joblib"))
"""
# Runs in the image's environment: a joblib model of another version would load and might predict otherwise.
TRAIN = """
import joblib, numpy as np, sklearn, sys
from sklearn.ensemble import RandomForestRegressor
assert [sklearn.__version__, np.__version__] == sys.argv[1:]
rows = np.random.RandomState(0).normal(size=(300, 5)).round(3)
model = RandomForestRegressor(10, random_state=0).fit(rows[:200], rows[:200, 0] * rows[:200, 1])
joblib.dump(model, "model.joblib")
np.savetxt("rows.csv", rows[200:], fmt="%s", delimiter=",")
predictions = model.predict(rows[200:].astype(np.float32))
open("predictions.csv", "w").write("".join(f"{value}\\n" for value in predictions))
"""


class Trained(NamedTuple):
    """A model of an image's environment, rows to score, and what the model itself predicts for them."""

    image: str
    model: bytes
    rows: bytes
    predictions: bytes


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    versions = _runnable()
    folder = tmp_path_factory.mktemp("trained")
    numbers = [package.partition("==")[2] for package in versions.packages[:2]]
    subprocess.run([ensure(versions, print), "-c", TRAIN, *numbers], cwd=folder, check=True)
    files = ((folder / name).read_bytes() for name in ("model.joblib", "rows.csv", "predictions.csv"))
    return Trained(
        f"683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:{versions.tag}-cpu-py3", *files
    )


def _runnable() -> Versions:
    """The newest image whose Python this machine has; most have one of them."""
    for versions in reversed(VERSIONS):
        try:
            find_python(versions)
        except ContainerError:
            continue
        return versions
    pytest.xfail("this machine has the Python of no scikit-learn image")


def _run(aws: Endpoint, trained: Trained, archive: Path, *, network_isolation: bool) -> tuple[dict[str, Any], str]:
    """Describe of the ended job, and the bucket."""
    name = aws.name("script")
    bucket = aws.bucket({"model.tar.gz": archive.read_bytes(), "in/rows.csv": trained.rows})
    sagemaker = aws.client("sagemaker")
    sagemaker.create_model(
        ModelName=name,
        ExecutionRoleArn=aws.role("sagemaker.amazonaws.com", allow(["s3:*", "logs:*"])),
        PrimaryContainer={
            "Image": trained.image,
            "ModelDataUrl": f"s3://{bucket}/model.tar.gz",
            "Environment": ENVIRONMENT,
        },
        EnableNetworkIsolation=network_isolation,
    )
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{bucket}/in/rows.csv"}}
    sagemaker.create_transform_job(
        TransformJobName=name,
        ModelName=name,
        BatchStrategy="MultiRecord",
        TransformInput={"DataSource": source, "ContentType": "text/csv", "SplitType": "Line"},
        TransformOutput={"S3OutputPath": f"s3://{bucket}/out", "Accept": "text/csv", "AssembleWith": "Line"},
        TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1},
    )
    deadline = time.monotonic() + 120
    while (job := sagemaker.describe_transform_job(TransformJobName=name))["TransformJobStatus"] == "InProgress":
        assert time.monotonic() < deadline, "the job does not end"
        time.sleep(0.1)
    return job, bucket


def test_a_job_answers_what_the_model_itself_predicts(aws: Endpoint, trained: Trained, tmp_path: Path) -> None:
    files = {"model.joblib": trained.model, "code/inference.py": SCRIPT}
    job, bucket = _run(aws, trained, pack(tmp_path / "model.tar.gz", files), network_isolation=True)
    assert job["TransformJobStatus"] == "Completed", job
    result = aws.client("s3").get_object(Bucket=bucket, Key="out/rows.csv.out")["Body"].read()
    assert result == trained.predictions


def test_requirements_under_network_isolation_fail_the_job_with_what_to_do(
    aws: Endpoint, trained: Trained, tmp_path: Path
) -> None:
    files = {"model.joblib": trained.model, "code/inference.py": SCRIPT, "code/requirements.txt": b"six\n"}
    job, _ = _run(aws, trained, pack(tmp_path / "model.tar.gz", files), network_isolation=True)
    assert job["TransformJobStatus"] == "Failed"
    assert "EnableNetworkIsolation" in job["FailureReason"]
    assert "set it to false for this model" in job["FailureReason"]


def test_requirements_without_network_isolation_are_installed(aws: Endpoint, trained: Trained, tmp_path: Path) -> None:
    script = SCRIPT + b"import only_here\ndef predict_fn(data, model): return model.predict(data) + only_here.SHIFT\n"
    name, package = wheel("only_here", "SHIFT = 1000")
    files = {
        "model.joblib": trained.model,
        "code/inference.py": script,
        "code/requirements.txt": f"./{name}\n".encode(),
        f"code/{name}": package,
    }
    job, bucket = _run(aws, trained, pack(tmp_path / "model.tar.gz", files), network_isolation=False)
    assert job["TransformJobStatus"] == "Completed", job
    result = aws.client("s3").get_object(Bucket=bucket, Key="out/rows.csv.out")["Body"].read()
    shifted = [float(line) + 1000 for line in trained.predictions.split()]
    assert [float(line) for line in result.split()] == shifted
