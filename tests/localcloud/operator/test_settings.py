"""The command line: ACK's flags, refused when ACK refuses them."""

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
    assert settings.resync_seconds == 36000.0
    assert settings.reconciles
    assert settings.resource_tags[0].startswith("services.k8s.aws/controller-version=")
    assert settings.features["ResourceAdoption"]


def test_what_concerns_one_kind_goes_before_what_concerns_all() -> None:
    settings = given(
        "--reconcile-default-max-concurrent-syncs=4",
        "--reconcile-resource-max-concurrent-syncs=Model=9,TransformJob=2",
        "--reconcile-resource-resync-seconds=TransformJob=60",
    )
    assert settings.workers == 2
    assert settings.resync_seconds == 60.0
    assert given("--reconcile-default-max-concurrent-syncs=4").workers == 4


def test_another_kind_alone_leaves_nothing_to_do() -> None:
    assert not given("--reconcile-resources", "Model").reconciles


@pytest.mark.parametrize(
    "argument",
    [
        pytest.param("--enable-carm=true", id="a switch with a value"),
        pytest.param("--enable-leader-election", id="a switch"),
        pytest.param("--metrics-addr=127.0.0.1:0", id="an address"),
        pytest.param("--log-level=debug", id="a level"),
    ],
)
def test_flags_of_acks_are_taken(argument: str) -> None:
    assert given(argument).region == "us-east-1"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(["--aws-region", ""], "AWS region is missing", id="no region"),
        pytest.param(
            ["--aws-endpoint-url", "http://example.com"], "using an unsafe endpoint is not allowed", id="http"
        ),
        pytest.param(["--aws-endpoint-url", "here"], "invalid service endpoint", id="no URL"),
        pytest.param(["--reconcile-resources", "Job"], "resource kind 'Job' is not supported", id="an unknown kind"),
        pytest.param(
            ["--reconcile-resource-max-concurrent-syncs", "TransformJob=0"], "greater than 0", id="no workers"
        ),
        pytest.param(["--reconcile-default-max-concurrent-syncs", "0"], "greater than 0", id="no workers at all"),
        pytest.param(["--watch-namespace", "a,,b"], "empty namespace", id="an empty namespace"),
        pytest.param(["--watch-namespace", "a,a"], "duplicate namespace 'a'", id="a namespace twice"),
        pytest.param(["--watch-namespace", "A"], "invalid namespace 'A'", id="capitals"),
        pytest.param(["--resource-tags", "team"], "invalid resource tag: team", id="a tag without a value"),
        pytest.param(["--deletion-policy", "keep"], "neither delete nor retain", id="an unknown policy"),
        pytest.param(["--feature-gates", "Magic=true"], "Magic=true", id="an unknown gate"),
        pytest.param(["--log-level", "loud"], "log-level", id="an unknown level"),
    ],
)
def test_wrong_values_are_refused(arguments: list[str], message: str) -> None:
    with pytest.raises(SettingsError, match="(?s).*" + message):
        parse(["--aws-region", "us-east-1", *arguments], {})


@pytest.mark.parametrize(
    "arguments", [pytest.param(["--no-such-flag"], id="unknown"), pytest.param(["--aws-reg", "x"], id="cut short")]
)
def test_flags_that_ack_does_not_have_are_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        parse(arguments, {"AWS_REGION": "us-east-1"})
    assert stopped.value.code == 2
    assert "unrecognized arguments" in capsys.readouterr().err


def test_http_on_the_machine_itself_is_fine() -> None:
    assert given("--aws-endpoint-url", "http://127.0.0.1:4566").endpoint_url == "http://127.0.0.1:4566"
    unsafe = given("--aws-endpoint-url", "http://example.com", "--allow-unsafe-aws-endpoint-urls")
    assert unsafe.endpoint_url == "http://example.com"


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
