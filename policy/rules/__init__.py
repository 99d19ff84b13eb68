"""All rules of the pack, and the controls that the stack does not pass."""

from dataclasses import dataclass

from . import cluster, iam, s3

ALL = (*s3.RULES, *cluster.RULES, *iam.RULES)


@dataclass(frozen=True)
class WrittenException:
    """A control that the stack does not pass, with its reason. If you copy the stack, decide for yourself."""

    controls: tuple[str, ...]
    about: str
    reason: str


EXCEPTIONS = (
    WrittenException(
        ("S3.1",), "public access block of the account", "The account is not the stack's; the bucket has one."
    ),
    WrittenException(
        ("EKS.1", "CKV_AWS_39", "AwsSolutions-EKS1"),
        "a private endpoint only",
        "The deployer works from outside the VPC; only `allowedCidrs` have access, and a rule refuses access for everybody.",
    ),
    WrittenException(
        ("S3.9", "CKV_AWS_18", "AwsSolutions-S1"),
        "access logs of the bucket",
        "They need a second bucket, and destroy must leave nothing.",
    ),
    WrittenException(
        ("S3.14", "CKV_AWS_21"), "versioning", "Results can be computed again, and versions make destroy slow."
    ),
    WrittenException(
        ("S3.17", "CKV_AWS_145"),
        "a KMS key of one's own",
        "It costs $1 a month, and remains for a week or more after destroy.",
    ),
    WrittenException(("S3.7", "CKV_AWS_144"), "replication", "The data is the workshop's own and is in git."),
    WrittenException(
        ("S3.11", "CKV2_AWS_62"), "event notifications", "Nothing would receive them; the operator polls the job."
    ),
    WrittenException(("S3.15", "CKV_AWS_143", "S3.20"), "object lock, MFA delete", "Destroy has to empty the bucket."),
    WrittenException(
        ("EKS.3", "CKV_AWS_58"), "a KMS key for secrets", "EKS encrypts all API data with a key of its own."
    ),
    WrittenException(
        ("EKS.8", "CKV_AWS_37", "AwsSolutions-EKS2"),
        "control plane logs",
        "They cost by the gigabyte and outlive destroy.",
    ),
    WrittenException(
        ("EC2.6", "CKV2_AWS_11", "AwsSolutions-VPC7"), "VPC flow logs", "They cost by the gigabyte and outlive destroy."
    ),
    WrittenException(
        ("EC2.15", "CKV_AWS_130"),
        "public addresses in the subnets",
        "A NAT gateway would cost as much as the rest of the network and nodes together.",
    ),
    WrittenException(
        ("CKV_AWS_66", "CKV_AWS_158", "CKV_AWS_338"),
        "retention and key of the jobs' log group",
        "SageMaker makes the group for all jobs of the account; a stack that managed it would collide with the next.",
    ),
    WrittenException(
        ("CKV_K8S_43",),
        "the operator's image by digest",
        "The chart names its image by tag; chart and tag are pinned together.",
    ),
    WrittenException(
        ("SageMaker.2", "prowler:sagemaker_models_vpc_settings_configured"),
        "models in a VPC",
        "Network isolation is narrower, and interfaces in our VPC would block destroy.",
    ),
    WrittenException(
        ("SageMaker.5", "CKV_AWS_370"),
        "network isolation of a model whose job says network_isolation=False",
        "Its archive has code/requirements.txt, which its container downloads; a tag says that this was asked for.",
    ),
)
