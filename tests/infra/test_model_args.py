"""What a model consists of, and the limits of it."""

import io
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pulumi
import pytest

from infra.model import name_by_content
from infra.model_args import ContainerArgs, ModelArgs

MODEL = b'{"learner": {"learner_model_param": {"num_feature": "5"}}, "version": [3, 0, 5]}'
OWN = f"{'1' * 12}.dkr.ecr.us-east-1.amazonaws.com/own:1"


@pytest.fixture(autouse=True)
def _archives(tmp_path: Path) -> None:
    for name, files in {
        "m": {"xgboost-model": MODEL},
        "code": {"m.joblib": b"x", "code/requirements.txt": b"x"},
    }.items():
        with tarfile.open(tmp_path / f"{name}.tar.gz", "w:gz") as target:
            for path, content in files.items():
                member = tarfile.TarInfo(path)
                member.size = len(content)
                target.addfile(member, io.BytesIO(content))


ONE = ContainerArgs(archive="m.tar.gz")


@pytest.mark.parametrize(
    "args",
    [
        pytest.param(ModelArgs(archive="m.tar.gz"), id="an archive for XGBoost"),
        pytest.param(ModelArgs(archive="m.tar.gz", image=OWN), id="an image of one's own"),
        pytest.param(ModelArgs(image=OWN), id="an image that has its model inside"),
        pytest.param(ModelArgs(archive="m.tar.gz", image="sagemaker-scikit-learn:1.4-2-cpu-py3"), id="SageMaker's own"),
        pytest.param(ModelArgs(containers=(ONE, ONE)), id="a pipeline of two"),
        pytest.param(ModelArgs(containers=(ONE,) * 15), id="a pipeline of fifteen"),
        pytest.param(
            ModelArgs(archive="code.tar.gz", image=OWN, network_isolation=False), id="packages from the network"
        ),
    ],
)
def test_allowed(tmp_path: Path, args: ModelArgs) -> None:
    assert args.problems(tmp_path) == []


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        pytest.param(ModelArgs(), "archive: has no value", id="XGBoost without an archive"),
        pytest.param(ModelArgs(archive="gone.tar.gz"), "archive: there is no file", id="a missing archive"),
        pytest.param(ModelArgs(archive="m.tar.gz", image="xgboost"), "image: 'xgboost' is not allowed", id="no tag"),
        pytest.param(
            ModelArgs(containers=(ONE,)),
            "containers: 1 in an inference pipeline. Allowed: 2 to 15",
            id="one of a pipeline",
        ),
        pytest.param(ModelArgs(containers=(ONE,) * 16), "containers: 16 in an", id="sixteen"),
        pytest.param(ModelArgs(archive="m.tar.gz", containers=(ONE, ONE)), "belong in each container", id="both forms"),
        pytest.param(
            ModelArgs(containers=(ONE, ContainerArgs(archive="gone.tar.gz"))),
            "containers[1].archive: there is no file",
            id="a missing archive in a pipeline",
        ),
        pytest.param(
            ModelArgs(containers=(replace(ONE, container_hostname="a"),) * 2), "the same container_hostname", id="twins"
        ),
        pytest.param(ModelArgs(archive="m.tar.gz", environment={"1": ""}), "environment: '1' is", id="a bad variable"),
        pytest.param(ModelArgs(archive="m.tar.gz", container_hostname="a_b"), "container_hostname: 'a_b'", id="a name"),
        pytest.param(
            ModelArgs(archive="code.tar.gz", image=OWN), "has code/requirements.txt, whose packages", id="no network"
        ),
    ],
)
def test_refused(tmp_path: Path, args: ModelArgs, problem: str) -> None:
    (found,) = args.problems(tmp_path)
    assert problem in found


@pytest.mark.parametrize(
    ("name", "right"),
    [
        pytest.param("model_data", "it is called archive", id="the SDK's"),
        pytest.param("ModelDataUrl", "it is called archive", id="boto3's"),
        pytest.param("imageUri", "it is called image", id="in camel case"),
        pytest.param("EnableNetworkIsolation", "it is called network_isolation", id="boto3's for a truth"),
        pytest.param("archiv", "is archive meant?", id="misspelt"),
        pytest.param("x", "it has archive, image,", id="unknown"),
    ],
)
def test_an_argument_of_another_name_is_refused_with_the_right_one(name: str, right: str) -> None:
    with pytest.raises(pulumi.RunError, match=r"test_model_args\.py, line \d+: ModelArgs has no argument") as error:
        ModelArgs(**{name: "x"})  # pyright: ignore[reportArgumentType]  that is the mistake
    assert right in str(error.value)


NAMED: dict[str, Any] = {
    "prefix": "w-model",
    "args": ModelArgs(environment={"A": "1"}),
    "images": ["i"],
    "digests": ["d"],
    "role_arn": "r",
}


def named(**changed: Any) -> str:
    return name_by_content(**{**NAMED, **changed})


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"images": ["i2"]}, id="image"),
        pytest.param({"digests": ["d2"]}, id="archive"),
        pytest.param({"args": ModelArgs(environment={"A": "2"})}, id="environment"),
        pytest.param({"args": ModelArgs(environment={"A": "1"}, network_isolation=False)}, id="network"),
        pytest.param({"args": ModelArgs(environment={"A": "1"}, container_hostname="h")}, id="hostname"),
        pytest.param({"role_arn": "r2"}, id="role"),
        pytest.param({"salt": "job"}, id="job"),
        pytest.param(
            {"args": ModelArgs(containers=(ONE, ONE)), "images": ["i", "i"], "digests": ["d", "d"]}, id="pipeline"
        ),
    ],
)
def test_a_model_has_another_name_for_another(changed: dict[str, Any]) -> None:
    assert named() != named(**changed)


def test_a_model_has_one_name_whatever_the_order_of_its_environment() -> None:
    first, second = ModelArgs(environment={"A": "1", "B": "2"}), ModelArgs(environment={"B": "2", "A": "1"})
    assert named(args=first) == named(args=second)
