"""The controller's command line: those of ACK's flags that our chart, ACK's chart and EKS's capability set.

The charts and EKS check the values that they pass. ACK's other flags make no difference here and are ignored.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from localcloud.operator.fields import KIND
from localcloud.operator.rules import DEFAULT_TAGS

CONTROLLER_VERSION: Final = "1.9.1"
"""The version of ACK's controller and chart that this one behaves as."""


class SettingsError(Exception):
    """A flag or a variable of the environment is wrong; the message says what to change."""


@dataclass(frozen=True)
class Settings:
    """The controller's settings, from its command line."""

    region: str
    endpoint_url: str | None = None
    identity_endpoint_url: str | None = None
    resource_tags: tuple[str, ...] = DEFAULT_TAGS
    namespaces: tuple[str, ...] = ()
    deletion_policy: str = "delete"
    workers: int = 1
    reads_namespaces: bool = True
    """Whether a namespace's annotations count; ACK ignores them when it watches one namespace only."""


def parse(arguments: Sequence[str], environment: Mapping[str, str]) -> Settings:
    """Read the command line.

    Raises:
        SettingsError: ACK would refuse a value; the message has ACK's words.
    """
    given, _ = _parser(environment).parse_known_args(list(arguments))
    if not given.aws_region:
        raise SettingsError(
            "unable to start service controller as AWS region is missing. Please pass --aws-region flag or set "
            "AWS_REGION environment variable"
        )
    if given.deletion_policy not in {"delete", "retain"}:
        raise SettingsError(
            f"invalid value for flag 'deletion-policy': {given.deletion_policy!r} is neither delete nor retain"
        )
    namespaces = tuple(_listed(given.watch_namespace))
    of_kind = f"{KIND}="
    workers = [entry for entry in _listed(*given.reconcile_resource_max_concurrent_syncs) if entry.startswith(of_kind)]
    return Settings(
        region=given.aws_region,
        endpoint_url=given.aws_endpoint_url or None,
        identity_endpoint_url=given.aws_identity_endpoint_url or None,
        resource_tags=tuple(_listed(*given.resource_tags)) or DEFAULT_TAGS,
        namespaces=namespaces,
        deletion_policy=given.deletion_policy,
        workers=int(workers[-1].removeprefix(of_kind)) if workers else given.reconcile_default_max_concurrent_syncs,
        reads_namespaces=given.enable_carm != "false" and len(namespaces) != 1,
    )


def _parser(environment: Mapping[str, str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m localcloud.operator",
        description="Reconciles TransformJobs against an AWS endpoint as ACK's SageMaker controller does.",
        allow_abbrev=False,
    )
    parser.add_argument("--aws-region", default=environment.get("AWS_REGION", ""))
    for flag in ("aws-endpoint-url", "aws-identity-endpoint-url", "watch-namespace"):
        parser.add_argument(f"--{flag}", default="")
    parser.add_argument("--deletion-policy", default="delete")
    parser.add_argument("--reconcile-default-max-concurrent-syncs", type=int, default=1)
    for flag in ("resource-tags", "reconcile-resource-max-concurrent-syncs"):
        parser.add_argument(f"--{flag}", action="append", default=[])
    parser.add_argument("--enable-carm", nargs="?", default="true", const="true")
    return parser


def _listed(*values: str) -> list[str]:
    """The entries of values that are separated by commas."""
    return [entry.strip() for entry in ",".join(values).split(",") if entry.strip()]
