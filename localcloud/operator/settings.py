"""The controller's command line: ACK's own flags, checked as ACK checks them."""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from localcloud.operator.controller import LEVELS
from localcloud.operator.fields import KIND
from localcloud.operator.rules import DEFAULT_TAGS

CONTROLLER_VERSION: Final = "1.9.1"
"""The version of ACK's controller and chart that this one behaves as."""

KINDS: Final[Sequence[str]] = [
    *("App", "DataQualityJobDefinition", "Domain", "Endpoint", "EndpointConfig", "FeatureGroup"),
    *("HyperParameterTuningJob", "InferenceComponent", "LabelingJob", "Model", "ModelBiasJobDefinition"),
    *("ModelExplainabilityJobDefinition", "ModelPackage", "ModelPackageGroup", "ModelQualityJobDefinition"),
    *("MonitoringSchedule", "NotebookInstance", "NotebookInstanceLifecycleConfig", "Pipeline"),
    *("PipelineExecution", "ProcessingJob", "Project", "Space", "TrainingJob", "TransformJob", "UserProfile"),
]

FEATURE_GATES: Final[Mapping[str, bool]] = {
    "ServiceLevelCARM": False,
    "TeamLevelCARM": False,
    "ReadOnlyResources": True,
    "ResourceAdoption": True,
    "IAMRoleSelector": False,
}
# Flags of ACK that make no difference to TransformJobs on one machine: accepted and ignored.
_UNUSED_TEXTS: Final = (
    "metrics-addr",
    "healthz-addr",
    "webhook-server-addr",
    "leader-election-namespace",
    "http-client-timeout",
)
_UNUSED_SWITCHES: Final = (
    "enable-leader-election",
    "enable-field-export-reconciler",
    "enable-cross-namespace",
    "enable-development-logging",
    "enable-webhook-server",
    "aws-endpoint-use-path-style",
)
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


class SettingsError(Exception):
    """A flag or a variable of the environment is wrong; the message says what to change."""


@dataclass(frozen=True)
class Settings:
    """The controller's settings, from its command line."""

    region: str
    endpoint_url: str | None = None
    identity_endpoint_url: str | None = None
    log_level: str = "info"
    resource_tags: tuple[str, ...] = DEFAULT_TAGS
    namespaces: tuple[str, ...] = ()
    selector: str = ""
    deletion_policy: str = "delete"
    resync_seconds: float = 36000.0
    workers: int = 1
    reconciles: bool = True
    reads_namespaces: bool = True
    """Whether a namespace's annotations count; ACK ignores them when it watches one namespace only."""
    features: Mapping[str, bool] = field(default_factory=lambda: dict(FEATURE_GATES))
    version: str = CONTROLLER_VERSION


def parse(arguments: Sequence[str], environment: Mapping[str, str]) -> Settings:
    """Read the command line.

    Raises:
        SettingsError: ACK would refuse a value; the message has ACK's words if ACK has a message.
        SystemExit: a flag that ACK does not have.
    """
    given = _parser(environment).parse_args(list(arguments))
    region: str = given.aws_region
    if not region:
        raise SettingsError(
            "unable to start service controller as AWS region is missing. Please pass --aws-region flag or set "
            "AWS_REGION environment variable"
        )
    if given.log_level not in LEVELS:
        raise SettingsError(f"invalid value for flag 'log-level': {given.log_level!r}")
    kinds = _listed(given.reconcile_resources)
    _check_kinds(kinds)
    namespaces = _namespaces(given.watch_namespace)
    resync = _by_kind("reconcile-resource-resync-seconds", given.reconcile_resource_resync_seconds)
    workers = _by_kind("reconcile-resource-max-concurrent-syncs", given.reconcile_resource_max_concurrent_syncs)
    return Settings(
        region=region,
        endpoint_url=_endpoint("service", given.aws_endpoint_url, given),
        identity_endpoint_url=_endpoint("identity", given.aws_identity_endpoint_url, given),
        log_level=given.log_level,
        resource_tags=_tags(given.resource_tags),
        namespaces=namespaces,
        selector=given.watch_selectors,
        deletion_policy=_deletion_policy(given.deletion_policy),
        resync_seconds=float(resync.get(KIND, given.reconcile_default_resync_seconds or 36000)),
        workers=workers.get(KIND, _positive(given.reconcile_default_max_concurrent_syncs)),
        reads_namespaces=given.enable_carm and len(namespaces) != 1,
        reconciles=not kinds or KIND in kinds,
        features=_features(given.feature_gates),
    )


def _parser(environment: Mapping[str, str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m localcloud.operator",
        description="Reconciles TransformJobs against an AWS endpoint as ACK's SageMaker controller does.",
        allow_abbrev=False,
    )
    parser.add_argument("--aws-region", default=environment.get("AWS_REGION", ""))
    for flag in ("aws-endpoint-url", "aws-identity-endpoint-url", "watch-namespace", "watch-selectors"):
        parser.add_argument(f"--{flag}", default="")
    for flag in ("reconcile-resources", "feature-gates", *_UNUSED_TEXTS):
        parser.add_argument(f"--{flag}", default="")
    parser.add_argument("--log-level", default="info")
    parser.add_argument("--deletion-policy", default="delete")
    parser.add_argument("--reconcile-default-resync-seconds", type=int, default=36000)
    parser.add_argument("--reconcile-default-max-concurrent-syncs", type=int, default=1)
    for flag in ("resource-tags", "reconcile-resource-resync-seconds", "reconcile-resource-max-concurrent-syncs"):
        parser.add_argument(f"--{flag}", action="append", default=[])
    parser.add_argument("--enable-carm", type=_switch, nargs="?", const=True, default=True)
    for flag in ("allow-unsafe-aws-endpoint-urls", *_UNUSED_SWITCHES):
        parser.add_argument(f"--{flag}", type=_switch, nargs="?", const=True, default=False)
    return parser


def _switch(text: str) -> bool:
    if text.lower() not in {"true", "false", "t", "f", "1", "0"}:
        raise argparse.ArgumentTypeError(f"true or false, not {text!r}")
    return text.lower() in {"true", "t", "1"}


def _listed(text: str) -> list[str]:
    return [entry.strip() for entry in text.split(",")] if text.strip() else []


def _endpoint(what: str, url: str, given: Any) -> str | None:
    if not url:
        return None
    parts = urlsplit(url)
    if not parts.scheme or not parts.netloc:
        raise SettingsError(f"invalid {what} endpoint {url!r}: a URL like https://host is needed")
    # ACK refuses every http address without the flag; requests that stay on the machine cannot be intercepted.
    if parts.scheme != "https" and not given.allow_unsafe_aws_endpoint_urls and parts.hostname not in _LOOPBACK:
        raise SettingsError("using an unsafe endpoint is not allowed. Please review the controller configuration")
    return url


def _tags(given: Sequence[str]) -> tuple[str, ...]:
    tags = tuple(tag for value in given for tag in _listed(value)) or DEFAULT_TAGS
    for tag in tags:
        if tag.count("=") != 1:
            raise SettingsError(f"invalid resource tag: {tag}")
    return tags


def _namespaces(text: str) -> tuple[str, ...]:
    namespaces = text.split(",") if text else []
    for index, namespace in enumerate(namespaces):
        if not namespace:
            raise SettingsError("invalid namespace: empty namespace")
        if namespace in namespaces[:index]:
            raise SettingsError(f"duplicate namespace '{namespace}'")
        if not re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", namespace):
            raise SettingsError(f"invalid namespace '{namespace}': lower case letters, digits and dashes are needed")
    return tuple(namespaces)


def _deletion_policy(text: str) -> str:
    if text not in {"delete", "retain"}:
        raise SettingsError(f"invalid value for flag 'deletion-policy': {text!r} is neither delete nor retain")
    return text


def _check_kinds(kinds: Sequence[str]) -> None:
    for kind in kinds:
        if kind not in KINDS:
            raise SettingsError(
                f"invalid value for flag 'reconcile-resources': resource kind '{kind}' is not supported by this "
                f"controller. Valid resource kinds are: {', '.join(KINDS)}"
            )


def _by_kind(flag: str, given: Sequence[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for argument in (entry for value in given for entry in _listed(value)):
        kind, _, number = argument.partition("=")
        if kind not in KINDS or not number.isdecimal() or int(number) < 1:
            raise SettingsError(
                f"invalid value for flag '{flag}': error parsing flag argument '{argument}'. "
                "Expected format: kind=number, of a kind of this controller and greater than 0"
            )
        found[kind] = int(number)
    return found


def _positive(number: int) -> int:
    if number < 1:
        raise SettingsError(
            "invalid value for flag 'reconcile-default-max-concurrent-syncs': max concurrency default must be "
            "greater than 0"
        )
    return number


def _features(text: str) -> dict[str, bool]:
    features = dict(FEATURE_GATES)
    for gate in _listed(text):
        name, _, value = gate.partition("=")
        if name not in features or value.lower() not in {"true", "false"}:
            raise SettingsError(
                f"invalid value for flag 'feature-gates': {gate!r}; gates are {', '.join(features)}, each true or false"
            )
        features[name] = value.lower() == "true"
    return features
