"""The component `eks:index:ServiceRole`: a role that a service assumes, with AWS's managed policies."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

import pulumi

from localcloud.pulumi.eks.children import Child, options


class ServiceRole(pulumi.ComponentResource):
    """A service's role.

    Args:
        name: its Pulumi name.
        service: the service, such as `eks.amazonaws.com`.
        policies: names of AWS's managed policies.
        partition: AWS's partition.
        description: the role's description.
        tags: the role's tags.
        actions: the STS actions that the service may use on the role.
        opts: options of the component.
    """

    def __init__(
        self,
        name: str,
        *,
        service: str,
        policies: Sequence[str],
        partition: pulumi.Output[str],
        description: str | None = None,
        tags: Any = None,
        actions: Sequence[str] = ("sts:AssumeRole",),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("eks:index:ServiceRole", name, None, opts)
        statement = {"Action": list(actions), "Effect": "Allow", "Principal": {"Service": [service]}}
        self.role = Child(
            "aws:iam/role:Role",
            f"{name}-role",
            {
                "description": description,
                "assumeRolePolicy": json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
                "tags": tags,
            },
            ("arn", "name"),
            options("aws", parent=self),
        )
        self.attachments = [self._attach(name, policy, partition) for policy in policies]
        self.register_outputs({"directRole": self.role, "resolvedRole": self.role})

    def _attach(self, name: str, policy: str, partition: pulumi.Output[str]) -> Child:
        # the name comes from the policy's ARN in the partition `aws`, so it is the same in all partitions
        digest = hashlib.sha1(f"arn:aws:iam::aws:policy/{policy}".encode(), usedforsecurity=False).hexdigest()[:8]
        arn = partition.apply(lambda p: f"arn:{p}:iam::aws:policy/{policy}")
        return Child(
            "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
            f"{name}-{digest}",
            {"policyArn": arn, "role": self.role.output("name")},
            (),
            options("aws", parent=self),
        )

    @property
    def ready(self) -> list[pulumi.Resource]:
        """The resources that must exist before the role can be used."""
        return [self.role, *self.attachments]
