"""Placeholder until the policies are read: every call is allowed."""

from __future__ import annotations

from localcloud.aws.wire import Call


class Authorizer:
    def authorize(self, call: Call) -> None:
        """Raises AccessDenied when the policies do not allow the call."""
