"""All rules of the pack, by subject."""

from . import eks, iam, kubernetes, network, s3, sagemaker

ALL = (*s3.RULES, *eks.RULES, *iam.RULES, *sagemaker.RULES, *network.RULES, *kubernetes.RULES)
