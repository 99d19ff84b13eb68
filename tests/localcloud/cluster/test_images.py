import sys

import pytest

from localcloud.cluster import images


@pytest.mark.parametrize("tag", ["1.9.1", "latest"])
def test_the_operator_s_image_runs_the_local_operator(tag: str) -> None:
    image = f"public.ecr.aws/aws-controllers-k8s/sagemaker-controller:{tag}"
    assert images.command_for(image, images.IMAGES) == (sys.executable, "-m", "localcloud.operator")


def test_an_unknown_image_is_refused_with_those_that_run() -> None:
    assert images.command_for("nginx:1", images.IMAGES) is None
    assert "nginx:1" in images.refusal("nginx:1", images.IMAGES)
    assert "sagemaker-controller" in images.refusal("nginx:1", images.IMAGES)


def test_a_table_entry_is_split_as_a_shell_would() -> None:
    assert images.parse(["a:*=run 'two words' x=1"]) == {"a:*": ("run", "two words", "x=1")}


@pytest.mark.parametrize("entry", ["no-command", "a=", "=run", "a=  "])
def test_a_table_entry_that_is_none_is_refused(entry: str) -> None:
    with pytest.raises(ValueError, match="PATTERN=COMMAND"):
        images.parse([entry])
