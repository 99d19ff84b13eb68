"""The keys of one cluster: its certificate authority, the API server's certificate, the administrator's kubeconfig.

A cluster lives as long as the local cloud does, so all keys are made with the cluster and never renewed.
"""

from __future__ import annotations

import base64
import datetime as dt
import ipaddress
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

SERVER_NAMES = (
    "localhost",
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
)
_LIFETIME = dt.timedelta(days=3650)
_CLOCK_SKEW = dt.timedelta(minutes=5)
CAPABILITY_KUBECONFIG: Final = "capability.kubeconfig"
"""The file by which ACK, as a capability of EKS, reaches its cluster."""
CAPABILITY_GROUP: Final = "eks-access-policy:ack"
"""The group of ACK's user in the cluster, as a capability of EKS."""


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A certificate and its key, both PEM."""

    certificate: bytes
    key: bytes


@dataclass(frozen=True, slots=True)
class ClusterKeys:
    """The authority of a cluster, PEM, and the certificates of its two users outside of it."""

    authority: bytes
    admin: KeyPair
    capability: KeyPair


class Authority:
    """A certificate authority in memory; its key is dropped once the cluster's certificates are signed."""

    def __init__(self, common_name: str) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
        builder = _builder(self._name, self._name, self._key.public_key())
        usage = _key_usage(signs_certificates=True)
        self._certificate = (
            builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .sign(self._key, hashes.SHA256())
        )

    @property
    def pem(self) -> bytes:
        return self._certificate.public_bytes(serialization.Encoding.PEM)

    def issue_server(self, common_name: str, names: Sequence[str], addresses: Sequence[str]) -> KeyPair:
        """A certificate for a server that clients reach by these host names and IP addresses."""
        alternatives: list[x509.GeneralName] = [x509.DNSName(name) for name in names]
        alternatives += [x509.IPAddress(ipaddress.ip_address(address)) for address in addresses]
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
        return self._issue(subject, ExtendedKeyUsageOID.SERVER_AUTH, x509.SubjectAlternativeName(alternatives))

    def issue_client(self, user: str, groups: Sequence[str]) -> KeyPair:
        """A certificate by which Kubernetes knows a user and their groups."""
        attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
        subject = x509.Name([*attributes, x509.NameAttribute(NameOID.COMMON_NAME, user)])
        return self._issue(subject, ExtendedKeyUsageOID.CLIENT_AUTH, None)

    def _issue(
        self, subject: x509.Name, usage: x509.ObjectIdentifier, names: x509.SubjectAlternativeName | None
    ) -> KeyPair:
        key = ec.generate_private_key(ec.SECP256R1())
        builder = (
            _builder(subject, self._name, key.public_key())
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            # Python 3.13 and newer refuses a certificate that does not name its issuer's key.
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )
        if names is not None:
            builder = builder.add_extension(names, critical=False)
        signed = builder.sign(self._key, hashes.SHA256())
        return KeyPair(signed.public_bytes(serialization.Encoding.PEM), _private_pem(key))


def make_cluster_keys(folder: Path, cluster: str) -> ClusterKeys:
    """Make every key that a cluster needs and write the files that its processes read; keys get mode 0600."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    authority = Authority(f"{cluster} local cluster")
    server = authority.issue_server("kube-apiserver", SERVER_NAMES, ("127.0.0.1", "10.0.0.1"))
    kubelet = authority.issue_server("kubelet", ("localhost",), ("127.0.0.1",))
    reader = authority.issue_client("kube-apiserver-kubelet-client", [])
    files = {
        "ca.crt": authority.pem,
        "apiserver.crt": server.certificate,
        "apiserver.key": server.key,
        "kubelet.pem": kubelet.certificate + kubelet.key,
        "kubelet-client.crt": reader.certificate,
        "kubelet-client.key": reader.key,
        "service-account.key": _private_pem(ec.generate_private_key(ec.SECP256R1())),
    }
    for name, content in files.items():
        write_private(folder / name, content)
    return ClusterKeys(
        authority=authority.pem,
        admin=authority.issue_client("kubernetes-admin", ["system:masters"]),
        capability=authority.issue_client("eks:capability:ack", [CAPABILITY_GROUP]),
    )


def kubeconfig(
    cluster: str, endpoint: str, user: dict[str, str], authority: bytes = b"", namespace: str = "default"
) -> bytes:
    """A kubeconfig with one cluster and one user, as JSON (which every YAML reader reads)."""
    server = {"server": endpoint, "certificate-authority-data": _b64(authority)}
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": cluster, "cluster": server}],
        "users": [{"name": "user", "user": user}],
        "contexts": [{"name": cluster, "context": {"cluster": cluster, "user": "user", "namespace": namespace}}],
        "current-context": cluster,
    }
    return json.dumps(document, indent=2).encode()


def client_kubeconfig(cluster: str, endpoint: str, keys: ClusterKeys, client: KeyPair) -> bytes:
    """A client's kubeconfig, with its certificate inside."""
    user = {"client-certificate-data": _b64(client.certificate), "client-key-data": _b64(client.key)}
    return kubeconfig(cluster, endpoint, user, keys.authority)


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only its owner may read, from its first byte on; readers see the old content or the new."""
    temporary = path.with_name(path.name + ".new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "wb") as file:  # noqa: PTH123  mode at creation
        file.write(content)
    temporary.replace(path)


def _b64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _private_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL
    return key.private_bytes(encoding, form, serialization.NoEncryption())


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCK_SKEW)
        .not_valid_after(now + _LIFETIME)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_encipherment=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
