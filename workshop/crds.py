"""`make crds`: brings the operator's definitions in the cluster to the version of its chart.

Helm installs a chart's CRDs once and never upgrades them, so the stack refuses a raised `chartVersion` until this has run.
The definitions come from the chart itself, in its registry or folder, and are applied server-side, so that fields which
others own, such as kubectl's short names for jobs, stay.
"""

from __future__ import annotations

import hashlib
import http.client
import io
import json
import re
import subprocess
import sys
import tarfile
import urllib.error
import urllib.request
import zlib
from collections.abc import Sequence
from fnmatch import fnmatch
from typing import Any
from urllib.parse import urlencode

from workshop.stack import PROJECT_FOLDER, WorkshopError, parser, settings, tool

FIELD_MANAGER = "batch-workshop-crds"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CHART = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
LARGEST_CHART = 16 * 1024 * 1024  # bytes; ACK's is below 1 MB
_SECONDS = 60.0


@tool
def main(arguments: Sequence[str]) -> int:
    """Apply the CRDs of the operator's chart to the cluster of KUBECONFIG, and note their version in the stack's config."""
    stack: str = parser("crds", main.__doc__).parse_args(arguments).stack
    values = settings(PROJECT_FOLDER, stack)
    chart, version = str(values["operatorChart"]), str(values["chartVersion"])
    try:
        found = definitions(chart, version)
    except WorkshopError as error:
        print(f"{chart} {version}: {error}", file=sys.stderr)
        return 1
    apply = ["kubectl", "apply", "--server-side", "--force-conflicts", f"--field-manager={FIELD_MANAGER}", "-f", "-"]
    note = ["pulumi", "config", "set", "crdsVersion", version, "--stack", stack]
    return _run(apply, "\n---\n".join(found)) or _run(note)


def definitions(chart: str, version: str) -> list[str]:
    """Return the definitions, each a YAML document, of a chart: of this version at an oci:// address, or in a folder.

    Raises:
        WorkshopError: there is no such chart, or it has no definitions.
    """
    if chart.startswith("oci://"):
        found = _of_archive(_pull(chart, version))
    else:
        found = [path.read_text() for path in sorted((PROJECT_FOLDER / chart / "crds").glob("*.yaml"))]
    if not found:
        raise WorkshopError("it has no CRDs")
    return found


def _of_archive(archive: bytes) -> list[str]:
    try:
        with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as chart:
            files = [chart.extractfile(name) for name in sorted(chart.getnames()) if fnmatch(name, "*/crds/*.yaml")]
            return [file.read().decode() for file in files if file]
    except (tarfile.TarError, OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise WorkshopError(f"it is not a chart archive ({error})") from error


def _pull(address: str, version: str) -> bytes:
    """Fetch a chart's archive from an OCI registry, and compare it with the digest that the registry gives."""
    host, _, repository = address.removeprefix("oci://").partition("/")
    scheme = "http" if host.startswith("127.0.0.1:") else "https"
    base = f"{scheme}://{host}/v2/{repository}"
    try:
        token = _token(f"{base}/manifests/{version}")
        manifest: dict[str, Any] = json.loads(_get(f"{base}/manifests/{version}", token))
        layer = next((layer for layer in manifest["layers"] if layer["mediaType"] == CHART), None)
        if layer is None:
            raise WorkshopError("it is not a Helm chart")
        archive = _get(f"{base}/blobs/{layer['digest']}", token)
    except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
        by_hand = f"helm show crds {address} --version {version} | kubectl apply --server-side --force-conflicts -f -"
        raise WorkshopError(f"the registry does not serve it ({error}); by hand: {by_hand}") from error
    if layer["digest"] != f"sha256:{hashlib.sha256(archive).hexdigest()}":
        raise WorkshopError("the archive does not have the digest that the registry gives; run this again")
    return archive


def _get(url: str, token: str) -> bytes:
    request = urllib.request.Request(url, headers={"Accept": f"{MANIFEST}, */*"})  # noqa: S310  the scheme is ours
    if token:
        # Not sent to the storage to which the registry redirects, whose addresses contain their own permission.
        request.add_unredirected_header("Authorization", f"Bearer {token}")
    with urllib.request.urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310
        return answer.read(LARGEST_CHART)


def _token(url: str) -> str:
    """Return the token that a registry gives to anybody; empty if it needs none."""
    try:
        _get(url, "")
    except urllib.error.HTTPError as refusal:
        asked = dict(re.findall(r'(\w+)="([^"]*)"', refusal.headers.get("WWW-Authenticate", "")))
        if refusal.code != 401 or "realm" not in asked:
            raise
        given = json.loads(_get(f"{asked.pop('realm')}?{urlencode(asked)}", ""))
        return given.get("token") or given["access_token"]
    return ""


def _run(command: list[str], given: str | None = None) -> int:
    try:
        return subprocess.run(command, input=given, text=True, cwd=PROJECT_FOLDER, check=False).returncode
    except FileNotFoundError:
        print(f"{command[0]} is not on PATH", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
