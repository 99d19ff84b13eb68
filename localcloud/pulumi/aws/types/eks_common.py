"""Code that the EKS types share: an EKS object takes some time to become active, to change, and to be deleted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from localcloud.pulumi.aws.api import Api, Tagging
from localcloud.pulumi.aws.cloud import Cloud
from localcloud.pulumi.aws.resource import Update
from localcloud.pulumi.wire import Properties

# EKS does not know a new role and its policies at once.
ROLE_SETTLING = {
    "InvalidParameterException": "role",
    "InvalidRequestException": "ErrMessageRoleNotFound",
    "AccessDeniedException": "not authorized to perform: iam:PassRole",
}
MINUTE = 60.0
_TAGGING = Tagging("eks")


@dataclass(frozen=True, kw_only=True)
class EksApi(Api):
    """The API of an EKS object, whose calls return before their work is done.

    Args:
        noun: the object's name in messages.
        failed: the statuses from which it cannot become active.
        cleanup: the commands that delete an object whose creation failed, with the properties of its id in braces.
        seconds: how long a creation takes at most, if the program sets no time.
        update_seconds: how long an update takes.
        delete_seconds: how long a deletion takes.
    """

    service: str = "eks"
    gone: tuple[str, ...] = ("ResourceNotFoundException",)
    tagging: Tagging | None = _TAGGING
    noun: str = ""
    failed: frozenset[str] = frozenset()
    cleanup: str = ""
    seconds: float = 20 * MINUTE
    update_seconds: float = 60 * MINUTE
    delete_seconds: float = 60 * MINUTE

    def ready(self, cloud: Cloud, identity: str, inputs: Properties) -> None:
        """Wait until the object is active.

        Raises:
            WaitError: it failed, for EKS's reasons in the message, or time is up.
        """
        commands = self.cleanup.format(**self.keys(identity))
        cure = f"EKS does not try again. Fix the cause, then delete it and create it again: {commands}; pulumi up --refresh"
        cloud.wait(
            f"EKS {self.noun} {identity}",
            lambda: self.status(cloud, identity),
            until={"ACTIVE"},
            failed=self.failed,
            seconds=self.seconds,
            reason=lambda: _issues(self.found(cloud, identity)),
            cure=cure if commands else "",
        )

    def status(self, cloud: Cloud, identity: str) -> str:
        """The object's status; an object that is gone is DELETED."""
        return (self.found(cloud, identity) or {}).get("status", "DELETED")

    def update(self, cloud: Cloud, update: Update) -> None:
        self.await_update(cloud, update.identity, super().update(cloud, update))

    def await_update(self, cloud: Cloud, identity: str, answer: Any) -> None:
        """Wait until the update in an answer is done; if the answer is None, nothing was updated."""
        if answer is None:
            return
        keys = self.keys(identity)
        values = {**keys, "name": keys.get("clusterName", identity), "updateId": answer["update"]["id"]}

        def found() -> Any:
            return cloud.ask("eks", "DescribeUpdate", values)["update"]

        cloud.wait(
            f"update {values['updateId']} of EKS {self.noun} {identity}",
            lambda: found()["status"],
            until={"Successful"},
            failed={"Failed", "Cancelled"},
            seconds=self.update_seconds,
            reason=lambda: _texts(found().get("errors"), "errorCode", "errorMessage"),
        )

    def delete(self, cloud: Cloud, identity: str, known: Properties) -> None:
        super().delete(cloud, identity, known)
        going = self.status(cloud, identity) == "DELETING"
        cloud.wait(
            f"EKS {self.noun} {identity}",
            lambda: self.status(cloud, identity),
            until={"DELETED"},
            failed={"DELETE_FAILED", *({"FAILED", "ACTIVE"} if going else ())},
            seconds=self.delete_seconds,
            reason=lambda: _issues(self.found(cloud, identity)),
        )


def _issues(found: Any) -> str:
    """The health issues that EKS reports for an object."""
    return _texts(((found or {}).get("health") or {}).get("issues"), "code", "message")


def _texts(entries: Any, code: str, message: str) -> str:
    return "; ".join(f"{entry.get(code)}: {entry.get(message)}" for entry in entries or [])
