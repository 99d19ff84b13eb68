"""All resource types by their token."""

from __future__ import annotations

from localcloud.pulumi.aws.resource import ResourceType
from localcloud.pulumi.aws.types import (
    ec2_endpoint,
    ec2_routing,
    ec2_vpc,
    eks_access,
    eks_capability,
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

_TYPES = (
    ec2_vpc.VPC,
    ec2_vpc.SUBNET,
    ec2_vpc.INTERNET_GATEWAY,
    ec2_routing.ROUTE_TABLE,
    ec2_routing.ROUTE,
    ec2_routing.ROUTE_TABLE_ASSOCIATION,
    ec2_endpoint.VPC_ENDPOINT,
    ec2_endpoint.DEFAULT_SECURITY_GROUP,
    s3_bucket.BUCKET,
    s3_settings.PUBLIC_ACCESS_BLOCK,
    s3_settings.OWNERSHIP_CONTROLS,
    s3_settings.SERVER_SIDE_ENCRYPTION,
    s3_settings.LIFECYCLE,
    s3_settings.VERSIONING,
    s3_settings.BUCKET_POLICY,
    s3_object.BUCKET_OBJECT,
    iam.ROLE,
    iam.ROLE_POLICY,
    iam.ROLE_POLICY_ATTACHMENT,
    iam.POLICY,
    eks_cluster.CLUSTER,
    eks_members.ADDON,
    eks_members.NODE_GROUP,
    eks_access.POD_IDENTITY_ASSOCIATION,
    eks_access.ACCESS_ENTRY,
    eks_access.ACCESS_POLICY_ASSOCIATION,
    sagemaker.MODEL,
    iam_oidc.OPENID_CONNECT_PROVIDER,
    eks_capability.CAPABILITY,
    scheduler.SCHEDULE_GROUP,
    scheduler.SCHEDULE,
    messages.QUEUE,
    messages.TOPIC,
    messages.SUBSCRIPTION,
    event_rules.RULE,
    event_rules.TARGET,
)

CATALOGUE: dict[str, ResourceType] = {kind.token: kind for kind in _TYPES}
