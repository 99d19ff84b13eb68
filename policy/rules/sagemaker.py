"""Models and jobs: isolated from the network, and on few instances."""

from .resource import Properties, Rule, each

_JOB = "kubernetes:sagemaker.services.k8s.aws/v1alpha1:TransformJob"
MOST_INSTANCES = 4


DECLARED_NETWORK = {"network": "declared"}
"""The tag of a model whose job asks for the network explicitly (network_isolation=False): the written exception."""


def _isolated(model: Properties) -> str | None:
    if model.get("enableNetworkIsolation") is True or DECLARED_NETWORK.items() <= (model.get("tags") or {}).items():
        return None
    return "may reach the network: set enableNetworkIsolation"


def _few_instances(job: Properties) -> str | None:
    count = ((job.get("spec") or {}).get("transformResources") or {}).get("instanceCount", 1)
    return f"asks for {count} instances; more than {MOST_INSTANCES} need a reason" if count > MOST_INSTANCES else None


RULES = (
    Rule(
        "sagemaker-network-isolation",
        ("SageMaker.5", "CKV_AWS_370"),
        "A model's container has no network, unless its job asks for one.",
        each("aws:sagemaker/model:Model", _isolated),
    ),
    Rule("sagemaker-few-instances", ("cost",), "A job uses few instances.", each(_JOB, _few_instances)),
)
