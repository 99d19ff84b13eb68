"""Every service's mapper, and the permissions of a call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from localcloud.aws.iam.directory import Directory
from localcloud.aws.iam.needs import compute, events, identity, network, s3
from localcloud.aws.iam.needs.model import Mapper, Need, tag_keys, tags_of
from localcloud.aws.protocol.wire import Call

_MAPPERS: Mapping[str, Mapper] = {
    "s3": s3.needs,
    "iam": identity.iam,
    "ec2": network.ec2,
    "sts": compute.sts,
    "sagemaker": compute.sagemaker,
    "eks": compute.eks,
    "eks-auth": compute.eks_auth,
    "logs": compute.logs,
    "cloudwatch": compute.cloudwatch,
    "service-quotas": compute.service_quotas,
    "scheduler": events.scheduler,
    "events": events.events,
    "sqs": events.sqs,
    "sns": events.sns,
}
_PREFIXES = {"resourcegroupstaggingapi": "tag", "s3control": "s3"}


def needs(call: Call, directory: Directory) -> Sequence[Need]:
    """What the caller must be allowed to do, for this call to be answered."""
    mapper = _MAPPERS.get(call.service)
    if mapper is not None:
        return mapper(call, directory)
    prefix = _PREFIXES.get(call.service, call.service)
    return [Need(f"{prefix}:{call.operation}", str(call.params.get("resourceArn") or "*"), tag_keys(tags_of(call)))]
