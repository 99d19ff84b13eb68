"""The environment variables of the stack's commands: for the local cloud, and without its variables for a real account."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from pathlib import Path

from localcloud.setup.installed_cli import OWN_FOLDER

ACCESS_KEY = "LOCALCLOUDADMIN"
SECRET_KEY = "localcloud"  # noqa: S105  a dummy that is valid for the local account only
REGION = "us-east-1"
# Nothing listens here: if no cloud runs, a call fails and never reaches AWS.
NO_ENDPOINT = "http://127.0.0.1:9"

UNSET = (
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_CA_BUNDLE",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_USE_FIPS_ENDPOINT",
    "AWS_USE_DUALSTACK_ENDPOINT",
    "AWS_BEARER_TOKEN_BEDROCK",
    "PULUMI_ACCESS_TOKEN",
    "PULUMI_CONFIG_PASSPHRASE_FILE",
    "PULUMI_IGNORE_AMBIENT_PLUGINS",
    "PULUMI_DEBUG_PROVIDERS",
)
PREFIX_UNSET = "AWS_ENDPOINT_URL_"  # one for each service, and each would take precedence over AWS_ENDPOINT_URL


def local(home: Path, endpoint: str | None, base: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of the local stack.

    Args:
        home: the generated folder.
        endpoint: URL of the running AWS endpoint; None when none runs.
        base: the environment to start from; this process's own by default.
    """
    kept = {name: value for name, value in (base or os.environ).items() if not _unset(name)}
    settings = _settings(home, endpoint)
    settings["NO_PROXY"] = settings["no_proxy"] = _joined(",", "127.0.0.1,localhost", kept.get("NO_PROXY", ""))
    settings["PATH"] = _joined(os.pathsep, *_path(home), *_without(home, kept.get("PATH", "")))
    return kept | settings


def real(home: Path, stack: str, base: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment for a real account: variables that the local cloud sets are removed.

    The compiled Pulumi CLI, which exists only if no usable one is installed, comes first on PATH. The other tools of the
    generated folder come last: a person's own aws and kubectl may support ways to sign in that these do not.

    Args:
        home: the generated folder.
        stack: the stack in the account.
        base: the environment to start from; this process's own by default.
    """
    environment = {name: value for name, value in (base or os.environ).items() if name != "AWS_ENDPOINT_URL"}
    for name in _left_by_local(environment, home):
        del environment[name]
    path = (str(home / OWN_FOLDER), *_without(home, environment.get("PATH", "")), str(home / "tools"))
    return environment | {"PATH": os.pathsep.join(path), "PULUMI_STACK": stack}


def _left_by_local(environment: Mapping[str, str], home: Path) -> list[str]:
    """Variables that still have the values of the local environment; those that a person has changed since then stay."""
    sourced = environment.get("LOCALCLOUD_HOME")
    if not sourced and environment.get("AWS_ACCESS_KEY_ID") != ACCESS_KEY:
        return []
    # Somebody with credentials of their own may well mean this region, which happens to be the same.
    kept = {"AWS_REGION", "AWS_DEFAULT_REGION"} if real_looking_credentials(environment) else set[str]()
    ours = _settings(Path(sourced or home), None)
    return [name for name, value in ours.items() if environment.get(name) == value and name not in kept]


def shell_file(home: Path, endpoint: str | None) -> str:
    """The text of `.local/env`: POSIX sh, safe under `set -eu`, from any directory."""
    lines = ["# Source this to act on the local stack: . .local/env   (generated; nothing here opens a real account)"]
    lines.append(f"unset {' '.join(UNSET)} || :")
    lines.append(
        f"for _name in $(env | sed -n 's/^\\({PREFIX_UNSET}[A-Za-z0-9_]*\\)=.*/\\1/p'); do unset \"$_name\"; done"
    )
    lines += [f"export {name}={shlex.quote(value)}" for name, value in _settings(home, endpoint).items()]
    lines.append('export NO_PROXY="127.0.0.1,localhost${NO_PROXY:+,$NO_PROXY}"; export no_proxy="$NO_PROXY"')
    front = shlex.quote(os.pathsep.join(_path(home)))
    lines.append(f'case ":$PATH:" in {front}:*|:{front}:*) ;; *) export PATH={front}:"$PATH" ;; esac')
    return "\n".join(lines) + "\n"


def write_shell_file(home: Path, endpoint: str | None) -> None:
    """Write `.local/env`, whole or not at all."""
    draft = home / "env.new"
    draft.write_text(shell_file(home, endpoint))
    draft.replace(home / "env")


def real_looking_credentials(base: Mapping[str, str] | None = None) -> list[str]:
    """Names of environment variables of the caller that contain AWS credentials other than the local cloud's."""
    environment = base or os.environ
    names = ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_WEB_IDENTITY_TOKEN_FILE")
    return [name for name in names if environment.get(name, ACCESS_KEY) not in {"", ACCESS_KEY}]


def _settings(home: Path, endpoint: str | None) -> dict[str, str]:
    return {
        "LOCALCLOUD_HOME": str(home),
        "AWS_ENDPOINT_URL": endpoint or NO_ENDPOINT,
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        # The user's own files may name other endpoints, certificates and identities.
        "AWS_CONFIG_FILE": str(home / "aws-config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(home / "aws-credentials"),
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_PAGER": "",
        "KUBECONFIG": str(home / "kubeconfig"),
        "KUBECACHEDIR": str(home / "kube-cache"),
        "PULUMI_BACKEND_URL": f"file://{home / 'pulumi'}",
        "PULUMI_HOME": str(home / "pulumi-home"),
        "PULUMI_STACK": "local",
        "PULUMI_CONFIG_PASSPHRASE": "",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }


def _unset(name: str) -> bool:
    return name in UNSET or name.startswith(PREFIX_UNSET)


def _path(home: Path) -> list[str]:
    return [str(home / OWN_FOLDER), str(home / "tools")]


def _without(home: Path, path: str) -> list[str]:
    """The user's PATH without our own folders, which `make shell` may have put there."""
    return [entry for entry in path.split(os.pathsep) if entry and entry not in _path(home)]


def _joined(separator: str, *parts: str) -> str:
    return separator.join(dict.fromkeys(part for part in separator.join(parts).split(separator) if part))
