"""The environment of the stack's commands: variables, for the local cloud or for a real account, and the programs on PATH.

| folder | what is in it |
| --- | --- |
| `tools` | kubectl, kubectl-smlogs, aws; they act on any stack |
| `cli` | the compiled Pulumi CLI, its Python language host, and the plugin of dynamic providers; absent with an installed CLI |
| `pulumi-home/plugins` | the resource plugins of the local stack, where Pulumi keeps installed ones |
"""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

from localcloud.go import binaries
from localcloud.go.programs import CONTROL_PLANE_AND_PROVIDER, PULUMI
from localcloud.pulumi.language_host import scripts
from localcloud.setup.programs import OWN_FOLDER

ACCESS_KEY = "LOCALCLOUDADMIN"
SECRET_KEY = "localcloud"  # noqa: S105  a dummy that is valid for the local account only
REGION = "us-east-1"
# Nothing listens here: if no cloud runs, a call fails and never reaches AWS.
NO_ENDPOINT = "http://127.0.0.1:9"

UNSET = (
    *("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN", "AWS_ROLE_ARN"),
    *("AWS_ROLE_SESSION_NAME", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_FULL_URI"),
    *("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN"),
    *("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "AWS_CA_BUNDLE", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"),
    *("AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT", "AWS_BEARER_TOKEN_BEDROCK"),
    *("PULUMI_ACCESS_TOKEN", "PULUMI_CONFIG_PASSPHRASE_FILE", "PULUMI_IGNORE_AMBIENT_PLUGINS"),
    *("PULUMI_DEBUG_PROVIDERS",),
)
PREFIX_UNSET = "AWS_ENDPOINT_URL_"  # one for each service, and each would take precedence over AWS_ENDPOINT_URL

LOCAL_PLUGINS = ("aws", "eks")


def local(home: Path, endpoint: str | None, base: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of the local stack.

    Args:
        home: the generated folder.
        endpoint: URL of the running AWS endpoint; None when none runs.
        base: the environment to start from; this process's own by default.
    """
    kept = {
        name: value
        for name, value in (base or os.environ).items()
        if name not in UNSET and not name.startswith(PREFIX_UNSET)
    }
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
    if (backend := environment.get("PULUMI_BACKEND_URL", "")).startswith("file://"):
        environment["PULUMI_BACKEND_URL"] = _without_sidecars(backend)
    return environment | {"PATH": os.pathsep.join(path), "PULUMI_STACK": stack}


def _without_sidecars(backend: str) -> str:
    """The URL of a file backend that writes the state alone, without a file of attributes beside it.

    The CLI replaces the state in one step, but not those files. A kill can leave one empty, and the CLI then fails to load
    the state with `EOF`. The parameter is fileblob's: https://pkg.go.dev/gocloud.dev/blob/fileblob
    """
    return backend if "metadata=" in backend else f"{backend}{'&' if '?' in backend else '?'}metadata=skip"


def _left_by_local(environment: Mapping[str, str], home: Path) -> list[str]:
    """Variables that still have the values of the local environment; those that a person has changed since then stay."""
    sourced = environment.get("LOCALCLOUD_HOME")
    if not sourced and environment.get("AWS_ACCESS_KEY_ID") != ACCESS_KEY:
        return []
    # A person with credentials of their own may have chosen this region.
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
        "PULUMI_BACKEND_URL": _without_sidecars(f"file://{home / 'pulumi'}"),
        "PULUMI_HOME": str(home / "pulumi-home"),
        "PULUMI_STACK": "local",
        "PULUMI_CONFIG_PASSPHRASE": "",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }


def _path(home: Path) -> list[str]:
    return [str(home / OWN_FOLDER), str(home / "tools")]


def _without(home: Path, path: str) -> list[str]:
    """The user's PATH without our own folders, which `make shell` may have put there."""
    return [entry for entry in path.split(os.pathsep) if entry and entry not in _path(home)]


def _joined(separator: str, *parts: str) -> str:
    return separator.join(dict.fromkeys(part for part in separator.join(parts).split(separator) if part))


def write_tools(home: Path, checkout: Path) -> None:
    """Write the commands that act on any stack, also on one in an AWS account.

    Args:
        home: the generated folder.
        checkout: the checkout whose code the commands run.
    """
    python = _python(home)
    _write_script(home / "tools" / "kubectl-smlogs", [str(python), "-m", "workshop.smlogs"], checkout)
    # Through the interpreter, because the first line of awscli's own script does not work if the path has spaces.
    _write_script(home / "tools" / "aws", [str(python), str(python.with_name("aws"))])
    if kubectl := binaries.kubectl():
        _write_script(home / "tools" / "kubectl", [str(kubectl)])
    _write_cli(home)


def write_plugins(home: Path, checkout: Path) -> None:
    """Put the local stack's plugins where Pulumi looks for installed ones, under the versions of the SDKs."""
    for name in LOCAL_PLUGINS:
        command = [str(_python(home)), "-m", f"localcloud.pulumi.{name}"]
        _write_script(_plugin(home, name), command, checkout, LOCALCLOUD_HOME=str(home))
    kubernetes = _plugin(home, "kubernetes")
    compiled = binaries.folder(CONTROL_PLANE_AND_PROVIDER) / kubernetes.name
    if compiled.exists() and (kubernetes.is_symlink() or not kubernetes.exists()):
        kubernetes.parent.mkdir(parents=True, exist_ok=True)
        kubernetes.unlink(missing_ok=True)
        kubernetes.symlink_to(compiled)


def _plugin(home: Path, name: str) -> Path:
    folder = f"resource-{name}-v{metadata.version(f'pulumi-{name}')}"
    return home / "pulumi-home" / "plugins" / folder / f"pulumi-resource-{name}"


def _write_cli(home: Path) -> None:
    compiled = binaries.folder(PULUMI) / "pulumi"
    if not (home / OWN_FOLDER).exists() or not compiled.exists():
        return
    program = home / OWN_FOLDER / compiled.name
    if not program.exists() or program.stat().st_size != compiled.stat().st_size:
        _link(compiled, program)
    scripts.install(home / OWN_FOLDER, python=_python(home))


def _link(source: Path, target: Path) -> None:
    """Hard-link a program, because the CLI looks for its language host in its own folder, and would follow a symbolic link."""
    target.unlink(missing_ok=True)
    try:
        target.hardlink_to(source)
    except OSError:  # the build cache is on another file system
        shutil.copy2(source, target)


def _python(home: Path) -> Path:
    return home / "venv" / "bin" / "python"


def _write_script(path: Path, command: list[str], checkout: Path | None = None, **variables: str) -> None:
    lines = ["#!/bin/sh"]
    if checkout:
        lines.append(f"export PYTHONPATH={shlex.quote(str(checkout))}${{PYTHONPATH:+:$PYTHONPATH}}")
    lines += [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
    lines.append(f'exec {shlex.join(command)} "$@"')
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text("\n".join(lines) + "\n")
    draft.chmod(0o755)
    draft.replace(path)
