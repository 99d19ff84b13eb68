"""The values of ACK's SageMaker chart: what it knows, its defaults, and what it takes for each."""

from __future__ import annotations

import copy
import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, cast

Values = dict[str, Any]

CHART_NAME: Final = "sagemaker-chart"
# The version whose values and objects are described here.
CHART_VERSION: Final = "1.9.1"
IMAGE_REPOSITORY: Final = "public.ecr.aws/aws-controllers-k8s/sagemaker-controller"

# Every kind that the controller can be told to reconcile.
KINDS: Final[Sequence[str]] = [
    "App",
    "DataQualityJobDefinition",
    "Domain",
    "Endpoint",
    "EndpointConfig",
    "FeatureGroup",
    "HyperParameterTuningJob",
    "InferenceComponent",
    "LabelingJob",
    "Model",
    "ModelBiasJobDefinition",
    "ModelExplainabilityJobDefinition",
    "ModelPackage",
    "ModelPackageGroup",
    "ModelQualityJobDefinition",
    "MonitoringSchedule",
    "NotebookInstance",
    "NotebookInstanceLifecycleConfig",
    "Pipeline",
    "PipelineExecution",
    "ProcessingJob",
    "Project",
    "Space",
    "TrainingJob",
    "TransformJob",
    "UserProfile",
]

FEATURE_GATES: Final[Mapping[str, bool]] = {
    "ServiceLevelCARM": False,
    "TeamLevelCARM": False,
    "ReadOnlyResources": True,
    "ResourceAdoption": True,
    "IAMRoleSelector": False,
}

_DEFAULTS: Final[Values] = {
    "image": {"repository": IMAGE_REPOSITORY, "tag": CHART_VERSION, "pullPolicy": "IfNotPresent", "pullSecrets": []},
    "nameOverride": "",
    "fullnameOverride": "",
    "deployment": {
        "annotations": {},
        "labels": {},
        "containerPort": 8080,
        "replicas": 1,
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "tolerations": [],
        "affinity": {},
        "priorityClassName": "",
        "hostNetwork": False,
        "dnsPolicy": "ClusterFirst",
        "strategy": {},
        "extraVolumes": [],
        "extraVolumeMounts": [],
        "extraEnvVars": [],
    },
    "role": {"labels": {}},
    "metrics": {"service": {"create": False, "type": "ClusterIP"}},
    "resources": {"requests": {"memory": "64Mi", "cpu": "50m"}, "limits": {"memory": "128Mi", "cpu": "100m"}},
    "aws": {
        "region": "",
        "endpoint_url": "",
        "identity_endpoint_url": "",
        "allow_unsafe_aws_endpoint_urls": False,
        "credentials": {"secretName": "", "secretKey": "credentials", "profile": "default"},
    },
    "log": {"enable_development_logging": False, "level": "info"},
    "installScope": "cluster",
    "watchNamespace": "",
    "watchSelectors": "",
    "resourceTags": [
        "services.k8s.aws/controller-version=%CONTROLLER_SERVICE%-%CONTROLLER_VERSION%",
        "services.k8s.aws/namespace=%K8S_NAMESPACE%",
        "app.kubernetes.io/managed-by=%MANAGED_BY%",
        "kro.run/kro-version=%KRO_VERSION%",
    ],
    "deletionPolicy": "delete",
    "reconcile": {
        "defaultResyncPeriod": 36000,
        "resourceResyncPeriods": {},
        "defaultMaxConcurrentSyncs": 1,
        "resourceMaxConcurrentSyncs": {},
        "resources": list(KINDS),
    },
    "serviceAccount": {"create": True, "name": "ack-sagemaker-controller", "annotations": {}},
    "leaderElection": {"enabled": False, "namespace": ""},
    "enableCARM": True,
    "enableCrossNamespace": True,
    "featureGates": dict(FEATURE_GATES),
}

# Maps whose keys are the user's own.
_FREE_MAPS: Final = frozenset(
    {
        "deployment.annotations",
        "deployment.labels",
        "deployment.nodeSelector",
        "deployment.affinity",
        "deployment.strategy",
        "role.labels",
        "resources.requests",
        "resources.limits",
        "reconcile.resourceResyncPeriods",
        "reconcile.resourceMaxConcurrentSyncs",
        "serviceAccount.annotations",
    }
)
_BY_KIND: Final = frozenset({"reconcile.resourceResyncPeriods", "reconcile.resourceMaxConcurrentSyncs"})
_ENUMS: Final[Mapping[str, tuple[str, ...]]] = {
    "image.pullPolicy": ("IfNotPresent", "Always", "Never"),
    "metrics.service.type": ("ClusterIP", "NodePort", "LoadBalancer", "ExternalName"),
    "installScope": ("cluster", "namespace"),
    "deletionPolicy": ("delete", "retain"),
}
_NOT_EMPTY: Final = frozenset({"image.repository", "image.tag"})
_TYPE_NAMES: Final[Mapping[type, str]] = {
    str: "a string",
    int: "a whole number",
    bool: "true or false",
    list: "a list",
    dict: "a map",
}


def merged(values: Mapping[str, Any], version: str = CHART_VERSION) -> Values:
    """The chart's defaults with a user's values laid over them, as helm merges: maps by key, all else replaced."""
    defaults = copy.deepcopy(_DEFAULTS)
    defaults["image"]["tag"] = version
    return _overlay(defaults, values)


def _overlay(base: Values, values: Mapping[str, Any]) -> Values:
    for key, value in values.items():
        inner = base.get(key)
        if isinstance(inner, dict) and isinstance(value, Mapping):
            base[key] = _overlay(cast("Values", inner), value)
        else:
            base[key] = _plain(value)
    return base


def _plain(value: Any) -> Any:
    """A private copy in which 10.0 is 10: numbers that came over the wire as doubles are meant as whole ones."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def check_values(values: Mapping[str, Any]) -> list[str]:
    """What is wrong with values for the chart, one message each; empty when all is well.

    Stricter than helm, which installs a chart whose misspelt values then have no effect.
    """
    problems = list(_check_map(values, _DEFAULTS, ""))
    if not problems and not merged(values)["aws"]["region"]:
        problems.append("aws.region: missing; the controller does not start without the region of its AWS calls")
    return problems


def _check_map(values: Mapping[str, Any], known: Mapping[str, Any], path: str) -> Iterator[str]:
    for key, value in values.items():
        here = f"{path}.{key}" if path else str(key)
        if key not in known:
            yield _unknown(here, key, known)
        else:
            yield from _check_value(here, _plain(value), known[key])


def _unknown(here: str, key: str, known: Mapping[str, Any]) -> str:
    parent = here.removesuffix(key)
    close = difflib.get_close_matches(key, list(known), n=1)
    hint = f"; did you mean {parent}{close[0]}?" if close else f"; it knows {', '.join(sorted(known))}"
    return f"{here}: the chart has no such value{hint}"


def _check_value(here: str, value: Any, default: Any) -> Iterator[str]:
    # bool is an int to Python, not to a chart.
    if type(value) is not type(default):
        yield f"{here}: must be {_TYPE_NAMES[type(default)]}, not {value!r}"
    elif here in _ENUMS and value not in _ENUMS[here]:
        yield f"{here}: must be one of {', '.join(_ENUMS[here])}, not {value!r}"
    elif here in _NOT_EMPTY and not value:
        yield f"{here}: must not be empty"
    elif isinstance(value, dict):
        yield from _check_entries(here, value, default)
    elif here == "reconcile.resources":
        yield from (f"{here}: the controller has no kind {kind!r}" for kind in value if kind not in KINDS)
    elif here == "resourceTags":
        yield from (f"{here}: must read key=value, not {tag!r}" for tag in value if not _is_tag(tag))
    elif here == "deployment.containerPort" and not 1 <= value <= 65535:
        yield f"{here}: must be between 1 and 65535, not {value}"


def _check_entries(here: str, value: Values, default: Mapping[str, Any]) -> Iterator[str]:
    if here in _BY_KIND:
        for kind, number in value.items():
            if kind not in KINDS:
                yield _unknown(f"{here}.{kind}", kind, dict.fromkeys(KINDS))
            elif type(number) is not int or number < 1:
                yield f"{here}.{kind}: must be a whole number of at least 1, not {number!r}"
    elif here not in _FREE_MAPS:
        yield from _check_map(value, default, here)


def _is_tag(tag: Any) -> bool:
    return isinstance(tag, str) and (not tag or re.fullmatch(r"[^=]*=[^=]*", tag) is not None)
