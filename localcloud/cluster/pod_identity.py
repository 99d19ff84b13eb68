"""The EKS Pod Identity agent of one node: gives pods the credentials of the role that is associated with them.

A pod sends its service account's token and gets what eks-auth AssumeRoleForPodIdentity answers for it, in the form
that every AWS SDK reads from `AWS_CONTAINER_CREDENTIALS_FULL_URI`. The agent works only while the cluster has the
add-on `eks-pod-identity-agent`.
"""

from __future__ import annotations

import datetime as dt
import json
import threading
from collections.abc import Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, Protocol

from localcloud.cluster.aws import POD_IDENTITY_ADDON, AwsError

PATH: Final = "/v1/credentials"
AUDIENCE: Final = "pods.eks.amazonaws.com"


class EksAuth(Protocol):
    """What the agent asks of AWS."""

    def has_agent(self) -> bool: ...

    def assume_role(self, token: str) -> Mapping[str, Any]: ...


class Agent:
    """An HTTP server on a free port of the loopback interface."""

    def __init__(self, aws: EksAuth) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(aws))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}{PATH}"

    def start(self) -> None:
        threading.Thread(target=self._server.serve_forever, daemon=True, name="pod-identity-agent").start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def answer(aws: EksAuth, path: str, token: str | None) -> tuple[HTTPStatus, dict[str, str]]:
    """What the agent says to a request."""
    if path != PATH:
        return HTTPStatus.NOT_FOUND, {"message": f"the agent serves {PATH} only"}
    if not token:
        return HTTPStatus.UNAUTHORIZED, {
            "message": "the Authorization header must hold the pod's service account token"
        }
    try:
        if not aws.has_agent():
            return HTTPStatus.SERVICE_UNAVAILABLE, {"message": f"the cluster has no add-on {POD_IDENTITY_ADDON}"}
        return HTTPStatus.OK, credentials(aws.assume_role(token))
    except AwsError as error:
        return HTTPStatus.BAD_GATEWAY, {"message": str(error)}


def credentials(response: Mapping[str, Any]) -> dict[str, str]:
    """An AssumeRoleForPodIdentity answer in the form of the container credentials protocol."""
    given = response["credentials"]
    account = str(response.get("podIdentityAssociation", {}).get("associationArn", "::::")).split(":")[4]
    return {
        "AccessKeyId": given["accessKeyId"],
        "SecretAccessKey": given["secretAccessKey"],
        "Token": given["sessionToken"],
        "AccountId": account,
        "Expiration": _iso(given["expiration"]),
    }


def _iso(moment: float | str) -> str:
    """AWS's JSON has seconds since 1970; SDKs want ISO 8601 here."""
    if isinstance(moment, str):
        return moment
    return dt.datetime.fromtimestamp(moment, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _handler(aws: EksAuth) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = answer(aws, self.path, self.headers.get("Authorization"))
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class names it so
            """Requests are not logged: each carries a token."""

    return Handler
