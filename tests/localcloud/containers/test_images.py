from __future__ import annotations

import pytest

from localcloud.containers import ContainerError
from localcloud.containers.images import IMAGES, Image, find

FILE = "/somewhere/containers.toml"


@pytest.mark.parametrize(
    ("uri", "module"),
    [
        pytest.param(
            "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.0-5",
            "localcloud.containers.xgboost.server",
            id="Virginia",
        ),
        pytest.param(
            "141502667606.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-xgboost:3.0-5-cpu-py3",
            "localcloud.containers.xgboost.server",
            id="long tag in Ireland",
        ),
        pytest.param(
            "390948362332.dkr.ecr.cn-northwest-1.amazonaws.com.cn/sagemaker-xgboost:3.0-5",
            "localcloud.containers.xgboost.server",
            id="China",
        ),
    ],
)
def test_the_xgboost_image_is_known_in_every_region(uri: str, module: str) -> None:
    assert find(uri, IMAGES, FILE).module == module


@pytest.mark.parametrize(
    ("tag", "package"),
    [
        pytest.param("0.23-1", "scikit-learn==0.23.2", id="0.23-1"),
        pytest.param("1.0-1", "scikit-learn==1.0.2", id="1.0-1"),
        pytest.param("1.2-1", "scikit-learn==1.2.1", id="1.2-1"),
        pytest.param("1.2-1-1", "pandas==1.5.3", id="1.2-1-1"),
        pytest.param("1.4-2", "numpy==2.1.0", id="1.4-2"),
        pytest.param("1.9-0", "scikit-learn==1.9.0", id="1.9-0"),
    ],
)
def test_a_scikit_learn_image_has_its_own_versions(tag: str, package: str) -> None:
    found = find(f"683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:{tag}-cpu-py3", IMAGES, FILE)
    assert found.versions is not None
    assert package in found.versions.packages


@pytest.mark.parametrize(
    "uri",
    [
        pytest.param("683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1", id="another version"),
        pytest.param("example.com/other:1", id="another image"),
        pytest.param(
            "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.4-2-py312-cpu-py3",
            id="versions that are not known for certain",
        ),
        pytest.param("", id="none"),
    ],
)
def test_an_unknown_image_is_refused_and_the_known_ones_named(uri: str) -> None:
    with pytest.raises(ContainerError, match=rf"register yours in {FILE} .*sagemaker-xgboost:3\.0-5"):
        find(uri, IMAGES, FILE)


def test_the_first_match_wins() -> None:
    first, second = Image("*/mine:1", module="first"), Image("*/mine:*", module="second")
    assert find("a/mine:1", (first, second), FILE) is first
    assert find("a/mine:2", (first, second), FILE) is second


def test_every_entry_says_what_to_run() -> None:
    assert all(bool(image.module) + bool(image.command) + bool(image.versions) == 1 for image in IMAGES)
