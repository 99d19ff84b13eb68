"""All rules of the pack. The controls that the stack does not pass are in docs/controls.md, with their reasons."""

from . import cluster, iam, s3

ALL = (*s3.RULES, *cluster.RULES, *iam.RULES)
