"""AWS's prices of the stack's resources: on-demand prices of us-east-1, in US dollars.

They were copied from AWS's public price pages on the date below, because a program cannot look them up without an account.
They change seldom. us-west-2 has the same prices; other regions cost up to a third more.
"""

from __future__ import annotations

from collections.abc import Mapping

AS_OF = "2026-11-23"
REGION = "us-east-1"
SOURCE = "https://aws.amazon.com/{eks,ec2,ebs,vpc,sagemaker}/pricing"

JOB_MINUTES = 6.0  # a small job takes about 4 of these to start

EKS_CONTROL_PLANE_PER_HOUR = 0.10
# By one public report, not by a price page; each job object adds 0.000048 while it is there.
CAPABILITY_PER_HOUR = 0.004757
GP3_GIGABYTE_PER_HOUR = 0.08 / 730
DISK_GIGABYTES = 20  # of the node
PUBLIC_IPV4_PER_HOUR = 0.005
EC2_PER_HOUR: Mapping[str, float] = {"t3.small": 0.0208, "t3.medium": 0.0416, "t3.large": 0.0832, "m5.large": 0.096}
TRANSFORM_PER_HOUR: Mapping[str, float] = {
    "ml.m5.large": 0.115,
    "ml.m5.xlarge": 0.23,
    "ml.m5.2xlarge": 0.461,
    "ml.c5.xlarge": 0.204,
    "ml.m4.xlarge": 0.24,
}


def standing(node_instance_type: str | None) -> dict[str, float | None]:
    """Return what costs money while the stack exists, with the price per hour; None if the table lacks the price.

    Args:
        node_instance_type: the EC2 type of the one node; None if EKS runs the operator, without nodes.
    """
    control_plane: dict[str, float | None] = {"EKS control plane, standard support": EKS_CONTROL_PLANE_PER_HOUR}
    if node_instance_type is None:
        return control_plane | {"ACK as a capability of EKS": CAPABILITY_PER_HOUR}
    return control_plane | {
        f"1 node {node_instance_type}": EC2_PER_HOUR.get(node_instance_type),
        f"{DISK_GIGABYTES} GB gp3 disk": GP3_GIGABYTE_PER_HOUR * DISK_GIGABYTES,
        "public IPv4 address of the node": PUBLIC_IPV4_PER_HOUR,
    }


def total(items: Mapping[str, float | None]) -> float | None:
    """Return the sum of these prices per hour; None if one is missing."""
    prices = [price for price in items.values() if price is not None]
    return sum(prices) if len(prices) == len(items) else None


def job(transform_instance_type: str, minutes: float = JOB_MINUTES, instances: int = 1) -> float | None:
    """Return the cost of one transform job; SageMaker bills by the second, including the start (about 4 minutes)."""
    price = TRANSFORM_PER_HOUR.get(transform_instance_type)
    return price if price is None else price * instances * minutes / 60


def summary(node_instance_type: str | None, transform_instance_type: str, stack: str) -> dict[str, float | str | None]:
    """Return the stack's output `cost`; a price is None if the table does not have it.

    Args:
        node_instance_type: EC2 type of the one node; None if the stack has no node.
        transform_instance_type: SageMaker type of a job that names none.
        stack: its name, for the command that ends the cost.
    """
    hour, one_job = total(standing(node_instance_type)), job(transform_instance_type)
    return {
        "usd_per_hour": hour and round(hour, 4),
        "usd_per_day": hour and round(hour * 24, 2),
        "usd_per_job": one_job and round(one_job, 4),
        "prices": f"on demand, {REGION}, {AS_OF}; a job of {JOB_MINUTES:g} minutes on {transform_instance_type}",
        "stop": f"make destroy STACK={stack}",
    }
