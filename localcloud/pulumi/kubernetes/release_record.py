"""The record that helm keeps of a release: one Secret for each revision, in the release's namespace."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from localcloud.pulumi.kubernetes.objects import Object

DEPLOYED, FAILED, SUPERSEDED = "deployed", "failed", "superseded"


@dataclass(frozen=True)
class Record:
    """One revision of a release.

    Args:
        name: the release's name.
        namespace: where it is installed.
        revision: counts installs and upgrades from 1.
        status: helm's word for how it went.
        values: the user's values.
        chart: name of the chart.
        version: version of the chart.
        manifests: the objects that it consists of.
        time: when it was deployed, as RFC 3339.
        description: what helm says about it.
    """

    name: str
    namespace: str
    revision: int
    status: str
    values: Mapping[str, Any]
    chart: str
    version: str
    manifests: tuple[Object, ...]
    time: str
    description: str = ""

    @property
    def secret_name(self) -> str:
        return f"sh.helm.release.v1.{self.name}.v{self.revision}"

    def with_status(self, status: str, description: str) -> Record:
        return replace(self, status=status, description=description)

    def to_secret(self) -> Object:
        """The Secret that holds it, as helm itself reads it."""
        content = gzip.compress(json.dumps(self._content()).encode(), mtime=0)
        labels = {"owner": "helm", "name": self.name, "status": self.status, "version": str(self.revision)}
        return {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": self.secret_name, "namespace": self.namespace, "labels": labels},
            "type": "helm.sh/release.v1",
            # helm's own base64 inside that of Secrets
            "data": {"release": base64.b64encode(base64.b64encode(content)).decode()},
        }

    def _content(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "namespace": self.namespace,
            "version": self.revision,
            "info": {
                "first_deployed": self.time,
                "last_deployed": self.time,
                "deleted": "",
                "description": self.description,
                "status": self.status,
            },
            "chart": {
                "metadata": {
                    "name": self.chart,
                    "version": self.version,
                    "appVersion": self.version,
                    "apiVersion": "v1",
                },
                "templates": [],
                "values": {},
            },
            "config": dict(self.values),
            "manifest": "".join(f"---\n{json.dumps(manifest)}\n" for manifest in self.manifests),
        }

    @classmethod
    def from_secret(cls, secret: Object) -> Record:
        content = json.loads(gzip.decompress(base64.b64decode(base64.b64decode(secret["data"]["release"]))))
        metadata = content["chart"]["metadata"]
        return cls(
            name=content["name"],
            namespace=content["namespace"],
            revision=content["version"],
            status=content["info"]["status"],
            values=content.get("config") or {},
            chart=metadata["name"],
            version=metadata["version"],
            manifests=tuple(json.loads(part) for part in content["manifest"].split("---\n") if part.strip()),
            time=content["info"]["last_deployed"],
            description=content["info"].get("description", ""),
        )
