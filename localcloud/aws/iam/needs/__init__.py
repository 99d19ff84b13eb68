"""Which permissions a call needs: actions, resource ARNs and the condition keys that come with them.

Each service has a function here, after AWS's service authorization reference
(https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html).
To add a service, write its function and register it in `_SERVICES`. An operation of a service without a function
needs `service:Operation` on `*`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from localcloud.aws.iam.directory import Directory
from localcloud.aws.iam.needs import account, compute, events, network, s3
from localcloud.aws.iam.needs.model import Mapper, Need, tag_keys, tags_of
from localcloud.aws.protocol.wire import Call

_SERVICES: Mapping[str, Mapper] = {
    "s3": s3.needs,
    "iam": account.iam,
    "ec2": network.ec2,
    "sts": account.sts,
    "sagemaker": compute.sagemaker,
    "eks": compute.eks,
    "eks-auth": compute.eks_auth,
    "logs": account.logs,
    "cloudwatch": account.cloudwatch,
    "service-quotas": account.service_quotas,
    "scheduler": events.scheduler,
    "events": events.events,
    "sqs": events.sqs,
    "sns": events.sns,
}
_PREFIXES = {"resourcegroupstaggingapi": "tag", "s3control": "s3"}


def needs(call: Call, directory: Directory) -> Sequence[Need]:
    """The permissions that the caller must have for this call."""
    mapper = _SERVICES.get(call.service)
    if mapper is not None:
        return mapper(call, directory)
    prefix = _PREFIXES.get(call.service, call.service)
    return [Need(f"{prefix}:{call.operation}", str(call.params.get("resourceArn") or "*"), tag_keys(tags_of(call)))]
