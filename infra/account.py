"""The AWS account that the stack stands in: the provider with its default tags, and what ARNs need to know.

The provider is explicit so that everything that can be tagged carries project and stack, whatever the stack's
config says; `make leftovers` finds by these tags what a broken run left behind.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from infra.policies import Scope
from infra.settings import Settings


@dataclass(frozen=True)
class Account:
    """The provider to create with, and the scope of the ARNs of what is created."""

    provider: aws.Provider
    scope: pulumi.Output[Scope]
    tags: Mapping[str, str]
    """The tags of everything that can be tagged."""

    @property
    def options(self) -> pulumi.ResourceOptions:
        """Options for a component whose children are all created in this account."""
        return pulumi.ResourceOptions(providers=[self.provider])

    @property
    def look(self) -> pulumi.InvokeOptions:
        """Options for an invoke that AWS answers before the program goes on."""
        return pulumi.InvokeOptions(provider=self.provider)


def connect(settings: Settings) -> Account:
    """Return the account that the environment's credentials belong to."""
    tags = {"project": pulumi.get_project(), "stack": pulumi.get_stack()}
    provider = aws.Provider("aws", region=settings.region, default_tags=aws.ProviderDefaultTagsArgs(tags=tags))
    look = pulumi.InvokeOutputOptions(provider=provider)
    identity = aws.get_caller_identity_output(opts=look)
    partition = aws.get_partition_output(opts=look)
    scope = pulumi.Output.all(partition.partition, identity.account_id).apply(
        lambda found: Scope(found[0], settings.region, found[1], settings.prefix)
    )
    return Account(provider, scope, tags)
