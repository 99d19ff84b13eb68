"""The command line: the flags of both charts and of EKS's capability."""

from __future__ import annotations

import pytest

from localcloud.operator.settings import Settings, SettingsError, parse


def given(*arguments: str, **environment: str) -> Settings:
    return parse(["--aws-region", "us-east-1", *arguments], environment)


def test_the_region_may_come_from_the_environment() -> None:
    assert parse([], {"AWS_REGION": "eu-west-1"}).region == "eu-west-1"


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(
            [
                "--watch-namespace=default",
                "--reconcile-resources=TransformJob",
                "--reconcile-resource-max-concurrent-syncs=TransformJob=10",
                "--enable-carm=false",
                "--enable-cross-namespace=false",
            ],
            id="the local cloud's chart",
        ),
        pytest.param(
            [
                *("--aws-endpoint-url", "", "--log-level", "info", "--watch-namespace", "default"),
                *("--watch-selectors", "", "--reconcile-resources", "TransformJob", "--deletion-policy", "delete"),
                *("--reconcile-default-resync-seconds", "36000", "--reconcile-default-max-concurrent-syncs", "1"),
                *("--reconcile-resource-max-concurrent-syncs", "TransformJob=10", "--enable-carm=false"),
                *("--feature-gates", "ReadOnlyResources=true,ResourceAdoption=true", "--enable-cross-namespace=false"),
            ],
            id="ACK's chart",
        ),
    ],
)
def test_a_charts_own_arguments_are_understood(arguments: list[str]) -> None:
    settings = given(*arguments)
    assert settings.namespaces == ("default",)
    assert settings.workers == 10
    assert settings.resource_tags[0].startswith("services.k8s.aws/controller-version=")
    assert settings.deletion_policy == "delete"


def test_a_setting_for_one_kind_goes_before_one_for_all_kinds() -> None:
    settings = given(
        "--reconcile-default-max-concurrent-syncs=4",
        "--reconcile-resource-max-concurrent-syncs=Model=9,TransformJob=2",
    )
    assert settings.workers == 2
    assert given("--reconcile-default-max-concurrent-syncs=4").workers == 4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(["--aws-region", ""], "AWS region is missing", id="no region"),
        pytest.param(["--deletion-policy", "keep"], "neither delete nor retain", id="an unknown policy"),
    ],
)
def test_wrong_values_are_refused(arguments: list[str], message: str) -> None:
    with pytest.raises(SettingsError, match="(?s).*" + message):
        parse(["--aws-region", "us-east-1", *arguments], {})


@pytest.mark.parametrize(
    ("flags", "reads"),
    [
        pytest.param([], True, id="all namespaces"),
        pytest.param(["--watch-namespace", "a,b"], True, id="several namespaces"),
        pytest.param(["--watch-namespace", "a"], False, id="one namespace"),
        pytest.param(["--enable-carm=false"], False, id="without management across accounts"),
    ],
)
def test_annotations_of_namespaces_count(flags: list[str], reads: bool) -> None:
    assert given(*flags).reads_namespaces is reads
