"""`python -m localcloud.commands.recovery`: resolves the pending operations of a stack."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Final

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from localcloud.commands import pulumi_cli
from localcloud.commands.pulumi_cli import PulumiCli
from localcloud.commands.recovery import deployment, events, objects, release
from localcloud.console import CommandError, fail, say
from localcloud.home import own

_RELEASE: Final = "kubernetes:helm.sh/v3:Release"


def main(arguments: Sequence[str]) -> int:
    """Resolve the pending operations of an interrupted run, in the environment of the stack, whose credentials it uses."""
    parser = argparse.ArgumentParser(prog="python -m localcloud.commands.recovery", description=main.__doc__)
    parser.add_argument("--home", type=Path, help="the generated folder")
    parser.add_argument("--stack")
    parser.add_argument("--gone", metavar="ARN", help="only say whether this cluster is gone: the exit code is then 0")
    options = parser.parse_args(arguments)
    if options.gone:
        return 0 if is_gone(options.gone) else 1
    try:
        lost = events.lost_creations(events.event_log(options.home, options.stack))
        settle(pulumi_cli.choose(options.home, os.environ), options.stack, lost)
    except CommandError as error:
        fail(str(error))
        return error.exit_code
    return 0


def settle(pulumi: PulumiCli, name: str, lost: Sequence[dict[str, Any]] = ()) -> None:
    """Resolve the pending operations of a stack, Helm releases included.

    Args:
        pulumi: the CLI, in the stack's environment, which must also be this process's.
        name: the stack's.
        lost: creations of which the state knows nothing, in the form of pending operations.

    Raises:
        CommandError: AWS, the cluster or the CLI refused a request; the message is theirs.
    """
    exported = json.loads(pulumi.ask("stack", "export", "--stack", name))
    if operations := [*deployment.pending(exported), *lost]:
        exported["deployment"]["pending_operations"] = operations
        say(f"    an earlier run was interrupted during {len(operations)} operations: {_named(operations)}")
        _settle(pulumi, name, exported)
        _mend_releases(pulumi, name, operations)
        _finish_deletions(pulumi, name, operations)


def is_gone(arn: str) -> bool:
    """Ask EKS, as an identity of the cluster's own account, whether a cluster is gone.

    A cluster that cannot be reached is not gone, nor is one that another account or region does not know: the caller's
    account must be the cluster's, and EKS in the cluster's region must have answered that there is no such cluster.

    Args:
        arn: the cluster's, such as `arn:aws:eks:us-east-1:111122223333:cluster/batch-workshop`.
    """
    _, _, _, region, account, resource = arn.split(":", 5)
    try:
        if _client("sts", region).get_caller_identity()["Account"] != account:
            return False
        _client("eks", region).describe_cluster(name=resource.partition("/")[2])
    except ClientError as error:
        return error.response["Error"]["Code"] == "ResourceNotFoundException"
    except BotoCoreError:
        pass  # destroy itself says what is wrong with the credentials
    return False


def _named(operations: Sequence[Mapping[str, Any]]) -> str:
    return ", ".join(f"{each['type']} {each['resource']['urn'].rpartition('::')[2]}" for each in operations)


def _settle(pulumi: PulumiCli, name: str, exported: deployment.Deployment) -> None:
    connect = cache(_client)
    document, taken = deployment.settle(exported, lambda kind, inputs: _identify(kind, inputs, connect))
    pulumi.ask("stack", "import", "--stack", name, given=json.dumps(document))
    for resource in taken:
        say(f"    checking {resource['type']} {resource['id']}")
        objects.await_made(resource["type"], deployment.plain(resource["inputs"]), connect)
    _refresh(pulumi, name, taken)


def _refresh(pulumi: PulumiCli, name: str, resources: Sequence[Mapping[str, Any]]) -> None:
    if resources:
        pulumi.ask("refresh", "--yes", "--skip-preview", "--stack", name, *_targets(resources))


def _targets(resources: Sequence[Mapping[str, Any]]) -> list[str]:
    return [argument for resource in resources for argument in ("--target", resource["urn"])]


def _finish_deletions(pulumi: PulumiCli, name: str, operations: Sequence[Mapping[str, Any]]) -> None:
    """Take out of the state what was being deleted and is gone: `up` would rely on it.

    A refresh finds out which objects of AWS and which Helm releases still exist. Other objects of a cluster may have
    finalizers and outlive the refresh; so they are deleted again, which waits for the finalizers. Helm refuses to
    uninstall a release that is gone.
    """
    urns = {each["resource"]["urn"] for each in operations if each["type"] == "deleting"}
    if not urns:
        return
    exported = json.loads(pulumi.ask("stack", "export", "--stack", name))
    resources = exported["deployment"].get("resources") or []
    standing = [each for each in resources if each["urn"] in urns and each.get("id") and not each.get("delete")]
    if again := [each for each in standing if each["type"].startswith("kubernetes:") and each["type"] != _RELEASE]:
        pulumi.ask("destroy", "--yes", "--skip-preview", "--target-dependents", "--stack", name, *_targets(again))
    refreshed = [each for each in standing if each["type"].startswith("aws:") or each["type"] == _RELEASE]
    for each in refreshed:
        objects.await_gone(each["type"], deployment.plain(each["inputs"]), _client)
    _refresh(pulumi, name, refreshed)


def _client(service: str, region: str | None = None) -> Any:
    return boto3.client(service, region_name=region)  # pyright: ignore[reportCallIssue, reportArgumentType, reportUnknownMemberType] boto3 has no types


def _identify(kind: str, inputs: Mapping[str, Any], connect: Callable[[str], Any]) -> str | None:
    if kind.startswith("aws:") and kind not in objects.KNOWN:
        say(f"    a {kind} may be left over that no later run deletes: recovery does not know how to look for it")
    try:
        return objects.identify(kind, inputs, connect)
    except (BotoCoreError, ClientError) as error:
        raise CommandError(
            f"it is unknown whether a {kind} was created before the last run was interrupted: {error}"
        ) from error


def _mend_releases(pulumi: PulumiCli, name: str, operations: Sequence[Mapping[str, Any]]) -> None:
    interrupted = [each["resource"] for each in operations if each["resource"]["type"] == _RELEASE]
    if not interrupted:
        return
    exported = json.loads(pulumi.ask("stack", "export", "--show-secrets", "--stack", name))
    resources = exported["deployment"].get("resources") or []
    for planned in interrupted:
        standing = [each for each in resources if each["urn"] == planned["urn"] and each.get("id")]
        if standing:
            with _kubectl(pulumi, resources, standing[0]["provider"]) as kubectl:
                _mend_release(pulumi, name, kubectl, standing[0])


def _mend_release(pulumi: PulumiCli, name: str, kubectl: release.Kubectl, resource: Mapping[str, Any]) -> None:
    namespace, _, release_name = resource["id"].partition("/")
    revision = release.stuck(kubectl, namespace, release_name)
    if revision is None:
        return
    say(f"    the Helm release {release_name} is in status {revision.status}")
    if revision.upgrades:
        release.forget(kubectl, revision)
    else:  # partly installed or partly removed: `up` installs it again
        pulumi.ask("destroy", "--yes", "--skip-preview", "--stack", name, "--target", resource["urn"])


@contextmanager
def _kubectl(pulumi: PulumiCli, resources: Sequence[Mapping[str, Any]], provider: str) -> Generator[release.Kubectl]:
    """Kubectl on the cluster of a provider, with the kubeconfig that is in the state."""
    program = shutil.which("kubectl", path=pulumi.environment.get("PATH"))
    if program is None:
        raise CommandError("a Helm release was interrupted, and checking it needs kubectl, which is not on PATH")
    urn = provider.rpartition("::")[0]
    inputs = next(each["inputs"] for each in resources if each["urn"] == urn)
    kubeconfig = deployment.revealed(inputs["kubeconfig"])
    with tempfile.TemporaryDirectory(dir=own()) as folder:
        file = Path(folder) / "kubeconfig"
        file.touch(mode=0o600)
        file.write_text(kubeconfig if isinstance(kubeconfig, str) else json.dumps(kubeconfig))
        yield release.Kubectl(program, file, pulumi.environment)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
