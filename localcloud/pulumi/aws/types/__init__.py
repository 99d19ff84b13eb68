"""The resource types, a module for each family; `CATALOGUE` has all of them by their token."""

from __future__ import annotations

from localcloud.pulumi.aws.resource import ResourceType
from localcloud.pulumi.aws.types import (
    ec2_endpoint,
    ec2_routing,
    ec2_vpc,
    eks_access,
    eks_cluster,
    eks_members,
    event_rules,
    iam,
    iam_oidc,
    messages,
    s3_bucket,
    s3_object,
    s3_settings,
    sagemaker,
    scheduler,
)

CATALOGUE: dict[str, ResourceType] = {
    kind.token: kind
    for types in (
        ec2_endpoint.TYPES,
        ec2_routing.TYPES,
        ec2_vpc.TYPES,
        eks_access.TYPES,
        eks_cluster.TYPES,
        eks_members.TYPES,
        event_rules.TYPES,
        iam.TYPES,
        iam_oidc.TYPES,
        messages.TYPES,
        s3_bucket.TYPES,
        s3_object.TYPES,
        s3_settings.TYPES,
        sagemaker.TYPES,
        scheduler.TYPES,
    )
    for kind in types
}
