"""A chart's definitions, and nothing else, are read from its registry or folder."""

from __future__ import annotations

import hashlib
import http.server
import io
import json
import tarfile
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from workshop import crds
from workshop.stack import WorkshopError

REPOSITORY = "aws-controllers-k8s/sagemaker-chart"
CRD = "kind: CustomResourceDefinition\nmetadata: {name: transformjobs.sagemaker.services.k8s.aws}\n"


def archive(**files: str) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as chart:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            chart.addfile(member, io.BytesIO(text.encode()))
    return packed.getvalue()


CHART = archive(
    **{
        "sagemaker-chart/Chart.yaml": "version: 1.10.0\n",
        "sagemaker-chart/crds/transformjobs.yaml": CRD,
        "sagemaker-chart/templates/deployment.yaml": "kind: Deployment\n",
    }
)


class Registry(http.server.BaseHTTPRequestHandler):
    """An OCI registry that gives a token to anybody and sends readers of archives on to its storage."""

    content = CHART
    digest = f"sha256:{hashlib.sha256(CHART).hexdigest()}"
    kind = crds.CHART
    seen_by_storage: list[str | None]

    def do_GET(self) -> None:
        path, _, _ = self.path.partition("?")
        if path == "/storage":
            self.seen_by_storage.append(self.headers.get("Authorization"))
            self.answer(200, self.content)
        elif path == "/token":
            self.answer(200, json.dumps({"token": "for-anybody"}).encode())
        elif self.headers.get("Authorization") != "Bearer for-anybody":
            realm = f'Bearer realm="http://{self.headers["Host"]}/token",service="registry",scope="pull"'
            self.answer(401, b"", **{"WWW-Authenticate": realm})
        elif path == f"/v2/{REPOSITORY}/manifests/1.10.0":
            layers = [
                {"mediaType": "text/plain", "digest": "sha256:0"},
                {"mediaType": self.kind, "digest": self.digest},
            ]
            self.answer(200, json.dumps({"layers": layers}).encode())
        elif path == f"/v2/{REPOSITORY}/blobs/{self.digest}":
            self.answer(307, b"", Location="/storage")
        else:
            self.answer(404, b"")

    def answer(self, status: int, content: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None: ...  # noqa: A002  the base class's name


@contextmanager
def registry(**members: Any) -> Generator[tuple[str, type[Registry]]]:
    kind = type("OneRegistry", (Registry,), {"seen_by_storage": [], **members})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), kind) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"oci://127.0.0.1:{server.server_address[1]}/{REPOSITORY}", kind
        server.shutdown()


def test_a_charts_definitions_come_out_of_a_registry_that_asks_for_a_token() -> None:
    with registry() as (address, kind):
        assert crds.definitions(address, "1.10.0") == [CRD]
    assert kind.seen_by_storage == [None]


@pytest.mark.parametrize(
    ("members", "version", "words"),
    [
        pytest.param({}, "1.11.0", r"does not serve it \(HTTP Error 404.*helm show crds oci:", id="no such version"),
        pytest.param(
            {"content": b"other"}, "1.10.0", "not have the digest that the registry gives", id="another archive"
        ),
        pytest.param({"kind": "text/html"}, "1.10.0", "not a Helm chart", id="something else"),
        pytest.param(
            {"content": b"no tar", "digest": f"sha256:{hashlib.sha256(b'no tar').hexdigest()}"},
            "1.10.0",
            "not a chart archive",
            id="no archive",
        ),
        pytest.param(
            {"content": CHART[:100], "digest": f"sha256:{hashlib.sha256(CHART[:100]).hexdigest()}"},
            "1.10.0",
            "not a chart archive",
            id="an archive that is cut off",
        ),
        pytest.param({"protocol_version": "nonsense"}, "1.10.0", "does not serve it", id="not HTTP"),
    ],
)
def test_a_chart_that_cannot_be_read_is_reported(members: dict[str, Any], version: str, words: str) -> None:
    with registry(**members) as (address, _), pytest.raises(WorkshopError, match=words):
        crds.definitions(address, version)


def test_a_folders_definitions_are_those_of_its_crds(tmp_path: Path) -> None:
    (tmp_path / "crds").mkdir()
    (tmp_path / "crds" / "a.yaml").write_text(CRD)
    assert crds.definitions(str(tmp_path), "1.10.0") == [CRD]


def test_a_chart_without_definitions_is_reported(tmp_path: Path) -> None:
    with pytest.raises(WorkshopError, match="it has no CRDs"):
        crds.definitions(str(tmp_path), "1.10.0")


def test_definitions_are_applied_server_side_and_then_noted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "crds").mkdir()
    (tmp_path / "crds" / "a.yaml").write_text(CRD)
    for program in ("kubectl", "pulumi"):
        script = (
            f'#!/bin/sh\necho "{program} $@" >> {tmp_path}/said\n[ {program} = pulumi ] || cat > {tmp_path}/given\n'
        )
        (tmp_path / program).write_text(script)
        (tmp_path / program).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(crds, "settings", lambda *_: {"operatorChart": str(tmp_path), "chartVersion": "1.10.0"})
    assert crds.main(["--stack", "dev"]) == 0
    assert (tmp_path / "given").read_text() == CRD
    applied, noted = (tmp_path / "said").read_text().splitlines()
    assert applied.startswith("kubectl apply --server-side --force-conflicts")
    assert noted == "pulumi config set crdsVersion 1.10.0 --stack dev"


def test_nothing_is_noted_when_it_could_not_be_applied(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "crds").mkdir()
    (tmp_path / "crds" / "a.yaml").write_text(CRD)
    (tmp_path / "kubectl").write_text("#!/bin/sh\nexit 3\n")
    (tmp_path / "kubectl").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(crds, "settings", lambda *_: {"operatorChart": str(tmp_path), "chartVersion": "1.10.0"})
    assert crds.main(["--stack", "dev"]) == 3
