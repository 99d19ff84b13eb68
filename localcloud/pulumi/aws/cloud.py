"""The tools for an operation on one resource: calls in its region, retries, waits with a deadline, the account."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from localcloud.pulumi.aws.conversion import Names, to_api
from localcloud.pulumi.aws.endpoint import AwsError, Endpoint
from localcloud.pulumi.aws.operation import Stop
from localcloud.pulumi.errors import CallError
from localcloud.pulumi.wire import Properties

T = TypeVar("T")

Codes: TypeAlias = Mapping[str, str | None]
"""Error codes, each with a text that the message must contain, or None for any message."""

# The time after which AWS knows a new object everywhere.
_PROPAGATION_SECONDS = 120.0


class WaitError(CallError):
    """Something did not reach the expected state."""


@dataclass
class Cloud:
    """Calls for one resource.

    Args:
        endpoint: the AWS endpoint.
        region: the resource's region.
        stop: set when the engine asks to stop.
        timeout: seconds that the program allows for the operation, 0 for the type's own default.
        directory: the program's working directory, to which relative paths of assets refer.
        made_so_far: the id of an object whose creation has begun, which must be kept in the state even if the rest of
            the creation fails.
    """

    endpoint: Endpoint
    region: str
    stop: Stop
    timeout: float = 0.0
    directory: Path = Path()
    made_so_far: str | None = None

    def call(self, service: str, operation: str, **parameters: Any) -> Any:
        """Make one call in the resource's region; parameters that are None are left out."""
        return self.endpoint.call(service, operation, parameters, self.region)

    def ask(self, service: str, operation: str, values: Properties, names: Names | None = None, **more: Any) -> Any:
        """Make one call with those of the properties that are its parameters, and some more parameters."""
        shape = self.model(service, operation).input_shape
        return self.call(service, operation, **{**to_api(shape, values, names or {}), **more})

    def model(self, service: str, operation: str) -> Any:
        """Botocore's model of an operation."""
        return self.endpoint.model(service, operation, self.region)

    def ec2(self, operation: str, **parameters: Any) -> Any:
        return self.call("ec2", operation, **parameters)

    def iam(self, operation: str, **parameters: Any) -> Any:
        return self.call("iam", operation, **parameters)

    def eks(self, operation: str, **parameters: Any) -> Any:
        return self.call("eks", operation, **parameters)

    def s3(self, operation: str, **parameters: Any) -> Any:
        return self.call("s3", operation, **parameters)

    def made(self, identity: str) -> str:
        """Record the id of an object that exists, although its creation is not complete; returns the id."""
        self.made_so_far = identity
        return identity

    def retry(self, work: Callable[[], T], *, codes: Codes, seconds: float = _PROPAGATION_SECONDS) -> T:
        """Try again while AWS answers with one of these codes.

        Args:
            work: the call.
            codes: the error codes.
            seconds: how long to try.
        """
        deadline, pause = time.monotonic() + seconds, 0.1
        while True:
            try:
                return work()
            except AwsError as e:
                expected = e.code in codes and (codes[e.code] or "") in e.reason
                if not expected or time.monotonic() > deadline:
                    raise
            self.stop.sleep(pause)
            pause = min(pause * 1.6, 3.0)

    def wait(
        self,
        subject: str,
        state: Callable[[], str],
        *,
        until: Collection[str],
        failed: Collection[str] = (),
        seconds: float,
        reason: Callable[[], str] = str,
        cure: str = "",
    ) -> None:
        """Wait until something is in one of some states.

        Args:
            subject: its name in messages.
            state: returns its present state.
            until: the states to wait for.
            failed: the states from which it cannot reach these.
            seconds: how long to wait, unless the program sets a time.
            reason: returns why it failed.
            cure: what the user can do if it failed.

        Raises:
            WaitError: it failed, or time is up.
        """
        limit = self.timeout or seconds
        deadline, pause = time.monotonic() + limit, 0.1
        while (now := state()) not in until:
            if now in failed:
                why = reason()
                raise WaitError(f"{subject} is {now}" + (f": {why}" if why else "") + (f"\n{cure}" if cure else ""))
            if time.monotonic() > deadline:
                raise WaitError(f"{subject} is still {now or 'absent'} after {limit:g} s")
            self.stop.sleep(pause)
            pause = min(pause * 1.3, 1.0)


def absent_as_none(work: Callable[[], T], *codes: str) -> T | None:
    """The result of a call, or None if AWS says that the object does not exist.

    Args:
        work: the call.
        codes: the error codes that say so. A code with other meanings, too, is given with the beginning of the message
            that says so, as `code: message`.
    """
    try:
        return work()
    except AwsError as e:
        if e.code in codes or any(": " in code and f"{e.code}: {e.reason}".startswith(code) for code in codes):
            return None
        raise


def ignore(work: Callable[[], object], *codes: str) -> None:
    """Make a call; these error codes count as success."""
    absent_as_none(work, *codes)
