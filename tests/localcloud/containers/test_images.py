from __future__ import annotations

import pytest

from localcloud.containers import UnknownImage
from localcloud.containers.images import IMAGES, Image, find


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
    assert find(uri).module == module


@pytest.mark.parametrize(
    "uri",
    [
        pytest.param("683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1", id="another version"),
        pytest.param("example.com/other:1", id="another image"),
        pytest.param("", id="none"),
    ],
)
def test_an_unknown_image_is_refused_and_the_known_ones_named(uri: str) -> None:
    with pytest.raises(
        UnknownImage, match=r"sagemaker-xgboost:3\.0-5.*Register yours in localcloud/containers/images\.py"
    ):
        find(uri)


def test_the_first_match_wins() -> None:
    first, second = Image("*/mine:1", module="first"), Image("*/mine:*", module="second")
    assert find("a/mine:1", (first, second)) is first
    assert find("a/mine:2", (first, second)) is second


def test_every_entry_says_what_to_run() -> None:
    assert all(bool(image.module) != bool(image.command) for image in IMAGES)
