import base64
import contextlib
import json
import ssl
import stat
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from localcloud.cluster import certs


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("keys") / "cluster"


@pytest.fixture(scope="module")
def keys(folder: Path) -> certs.ClusterKeys:
    return certs.make_cluster_keys(folder, "one")


def test_only_the_owner_may_read_a_cluster_s_files(keys: certs.ClusterKeys, folder: Path) -> None:
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    assert set(modes.values()) == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_the_server_is_trusted_under_the_names_it_is_reached_by(keys: certs.ClusterKeys, folder: Path) -> None:
    server = x509.load_pem_x509_certificate((folder / "apiserver.crt").read_bytes())
    server.verify_directly_issued_by(x509.load_pem_x509_certificate(keys.authority))
    names = server.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert "localhost" in names.get_values_for_type(x509.DNSName)
    assert "127.0.0.1" in [str(address) for address in names.get_values_for_type(x509.IPAddress)]


def test_the_server_is_trusted_by_the_strict_rules_of_newer_pythons(keys: certs.ClusterKeys, folder: Path) -> None:
    client = ssl.create_default_context(cadata=keys.authority.decode())
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(folder / "apiserver.crt", folder / "apiserver.key")
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = (client.wrap_bio(back, there, server_hostname="localhost"), server.wrap_bio(there, back, server_side=True))
    for end in (*ends, *ends):
        with contextlib.suppress(ssl.SSLWantReadError):
            end.do_handshake()
    assert ends[0].cipher() is not None


def test_the_administrator_is_in_system_masters(keys: certs.ClusterKeys) -> None:
    document = json.loads(certs.client_kubeconfig("one", "https://127.0.0.1:1", keys, keys.admin))
    user = document["users"][0]["user"]
    subject = x509.load_pem_x509_certificate(base64.b64decode(user["client-certificate-data"])).subject
    assert [part.value for part in subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)] == ["system:masters"]
    assert document["clusters"][0]["cluster"]["server"] == "https://127.0.0.1:1"


def test_two_clusters_do_not_trust_each_other(keys: certs.ClusterKeys, tmp_path: Path) -> None:
    other = certs.make_cluster_keys(tmp_path / "other", "one")
    assert other.authority != keys.authority


def test_a_private_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("old and readable")
    certs.write_private(path, b"new")
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]
