"""The stack's settings: the keys that Pulumi.yaml declares, read into types and checked together.

Pulumi.yaml has type, default and description of each key, and the engine fills in the defaults; this module says which
values are allowed. `aws:region` is the one key of another namespace: the program's AWS provider is explicit, so that every
stack has the default tags.
"""

import ipaddress
import json
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, cast

import pulumi

from infra.model_args import IMAGES_ALLOWED, ModelArgs, is_image
from infra.problems import refuse

JOBS_NAMESPACE = "default"  # the workshop's commands carry no -n
EKS_VERSIONS: Mapping[str, Mapping[str, str]] = json.loads(Path(__file__).with_name("eks_versions.json").read_text())
"""For each Kubernetes version, the version of each add-on; `make preflight` compares it with the versions that EKS offers."""
OPERATOR_INSTALLS = ("helm", "capability", "existing")


def _matching(pattern: str) -> Callable[[str], bool]:
    return lambda value: re.fullmatch(pattern, value, re.ASCII) is not None


_is_version = _matching(r"\d+\.\d+\.\d+")
_is_kms_key = _matching(r"arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key/[a-zA-Z0-9-]+")
_is_bucket = _matching(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_is_transform_type = _matching(r"ml\.(?!t[0-9])[a-z0-9]+\.[a-z0-9]+")


def _is_narrow_cidr(value: str) -> bool:
    try:
        return "/" in value and ipaddress.IPv4Network(value).prefixlen >= 8
    except ValueError:
        return False


def _is_chart(value: str) -> bool:
    return re.fullmatch(r"oci://[\w.:-]+(/[\w.-]+)+", value) is not None or (Path(value) / "Chart.yaml").is_file()


_TRANSFORM_TYPES = "SageMaker instance types such as ml.m5.large"
_BUCKETS = "names of S3 buckets"


def _text(allowed: str, accepts: Callable[[str], bool]) -> Any:
    return field(metadata={"read": lambda reader, key: reader.text(key, allowed, accepts)})


def _optional(allowed: str, accepts: Callable[[str], bool]) -> Any:
    return _text(allowed, lambda value: not value or accepts(value))


def _texts(allowed: str, accepts: Callable[[str], bool], *, least: int = 0) -> Any:
    return field(metadata={"read": lambda reader, key: reader.texts(key, allowed, accepts, least=least)})


def _integer(low: int, high: int) -> Any:
    return field(metadata={"read": lambda reader, key: reader.integer(key, low, high)})


def _mapping(allowed: str) -> Any:
    return field(metadata={"read": lambda reader, key: reader.mapping(key, allowed)})


@dataclass(frozen=True)
class Settings:
    """Every setting of a stack, with the values that are allowed; its key is its name in camel case."""

    region: str = field(metadata={"read": lambda reader, _: reader.region()})
    prefix: str = _text(
        "2 to 24 characters of a-z, 0-9 and -, which start with a letter and do not end with -",
        _matching(r"(?=.{2,24}$)[a-z](-?[a-z0-9])+"),
    )
    kubernetes_version: str = _text(
        f"{' or '.join(EKS_VERSIONS)}; docs/aws-options.md says how to add a version",
        EKS_VERSIONS.__contains__,
    )
    allowed_cidrs: tuple[str, ...] = _texts(
        'at least one IPv4 range that may reach the cluster, such as ["203.0.113.7/32"], never wider than /8',
        _is_narrow_cidr,
        least=1,
    )
    admin_principals: tuple[str, ...] = _texts(
        "IAM role or user ARNs", _matching(r"arn:aws[a-z-]*:iam::\d{12}:(role|user)/.+")
    )
    node_instance_type: str = _text(
        "an x86 EC2 type, small or larger (EKS needs 6 pods, t3.micro has 4), such as t3.small",
        _matching(r"(?![a-z]+\d+g[a-z]*\.)[a-z]+\d+[a-z-]*\.[a-z0-9-]+(?<!\.nano)(?<!\.micro)"),
    )
    operator_install: str = _text(" or ".join(OPERATOR_INSTALLS), OPERATOR_INSTALLS.__contains__)
    operator_chart: str = _text("an oci:// address, or a folder with a Chart.yaml", _is_chart)
    chart_version: str = _text("a chart version such as 1.9.1, without v", _is_version)
    crds_version: str = _optional("empty, or the chart version that `make crds` set", _is_version)
    max_concurrent_syncs: int = _integer(1, 100)
    model_archive: str = _text("the path of a model.tar.gz", bool)
    model_image: str = _optional(f"{IMAGES_ALLOWED}, or empty for XGBoost", is_image)
    batch_input: str = _text("a file, a folder or an s3:// URI", bool)
    transform_instance_type: str = _text(_TRANSFORM_TYPES, _is_transform_type)
    allowed_transform_instance_types: tuple[str, ...] = _texts(_TRANSFORM_TYPES, _is_transform_type, least=1)
    input_buckets: tuple[str, ...] = _texts(_BUCKETS, _is_bucket)
    output_buckets: tuple[str, ...] = _texts(_BUCKETS, _is_bucket)
    kms_keys: tuple[str, ...] = _texts("ARNs of KMS keys", _is_kms_key)
    results_expire_days: int = _integer(1, 3650)
    job_timeout_minutes: int = _integer(1, 24 * 60)
    max_jobs_at_once: int = _integer(0, 1000)
    iam_delay_seconds: int = _integer(0, 300)
    permissions_boundary: str = _optional(
        "empty, or an IAM policy's ARN", _matching(r"arn:aws[a-z-]*:iam::(\d{12}|aws):policy/.+")
    )
    existing_vpc_id: str = _optional("empty, or a VPC's id such as vpc-0a1b2c3d", _matching(r"vpc-[0-9a-f]{8,17}"))
    existing_subnet_ids: tuple[str, ...] = _texts(
        "subnet ids such as subnet-0a1b2c3d", _matching(r"subnet-[0-9a-f]{8,17}")
    )
    existing_bucket: str = _optional("empty, or the name of an S3 bucket", _is_bucket)
    failure_emails: tuple[str, ...] = _texts("e-mail addresses", _matching(r"[^@\s]+@[^@\s]+\.[^@\s]+"))
    delivery_repository: str = _optional("owner/name on GitHub, or empty", _matching(r"[\w.-]+/[\w.-]+"))
    delivery_provider_arn: str = _optional(
        "the ARN of GitHub's OpenID Connect provider, or empty",
        _matching(r"arn:aws[a-z-]*:iam::\d{12}:oidc-provider/token\.actions\.githubusercontent\.com"),
    )
    delivery_state_bucket: str = _optional("the name of an S3 bucket, or empty", _is_bucket)
    delivery_secrets_key: str = _optional("the ARN of a KMS key, or empty", _is_kms_key)
    rerun: Mapping[str, str] = _mapping("a map from the name of a job to a number, such as rerun.churn 2")

    # Names on which Pod Identity, the chart and the policies must agree.
    operator_namespace: str = "ack-system"
    operator_service_account: str = "ack-sagemaker-controller"  # the chart's own default

    @property
    def cluster_name(self) -> str:
        return self.prefix

    @property
    def has_nodes(self) -> bool:
        """Whether anything runs in the cluster: a capability of EKS runs at AWS."""
        return self.operator_install != "capability"

    @property
    def operator_tags(self) -> int:
        """How many tags the operator adds to each job: two with ACK's own chart, five with EKS's capability.

        The two are its version and the namespace. ACK's chart has two more templates, made from labels that jobs do not
        have, and ACK leaves out tags with an empty value.
        """
        return 2 if self.has_nodes else 5

    @property
    def model(self) -> ModelArgs:
        """The stack's own model."""
        return ModelArgs(archive=self.model_archive, image=self.model_image)


def load() -> Settings:
    """Read the stack's config.

    Raises:
        pulumi.RunError: a value is invalid; the message lists everything that is wrong.
    """
    reader = Reader(pulumi.Config(), pulumi.Config("aws"))
    declared = [item for item in fields(Settings) if "read" in item.metadata]
    settings = Settings(**{item.name: item.metadata["read"](reader, _key(item.name)) for item in declared})
    _check_together(reader, settings)
    refuse(reader.problems, "the settings")
    return settings


def _key(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(map(str.capitalize, rest))


class Reader:
    """Reads values of the stack's config and collects what is wrong with them."""

    def __init__(self, config: pulumi.Config, aws_config: pulumi.Config) -> None:
        self.problems: list[str] = []
        self._config = config
        self._aws = aws_config

    def region(self) -> str:
        if self._aws.get("profile"):
            self._refuse(
                "aws:profile", "is set", "AWS_PROFILE in the environment, which kubectl and the aws CLI read too"
            )
        value = self._aws.get("region") or ""
        if not re.fullmatch(r"[a-z]{2,4}(-[a-z]+)+-\d", value):
            self._refuse("aws:region", _shown(value), "a region that has EKS and SageMaker, such as us-east-1")
        return value

    def text(self, key: str, allowed: str, accepts: Callable[[str], bool]) -> str:
        value = self._raw(key)
        if value is None or not accepts(value):
            self._refuse(key, _shown(value), allowed)
        return value or ""

    def integer(self, key: str, low: int, high: int) -> int:
        value = self._raw(key)
        if value is None or not re.fullmatch(r"-?[0-9]{1,9}", value) or not low <= int(value) <= high:
            self._refuse(key, _shown(value), f"a whole number from {low} to {high}")
            return low
        return int(value)

    def texts(self, key: str, allowed: str, accepts: Callable[[str], bool], *, least: int = 0) -> tuple[str, ...]:
        values = self._json(key, list)
        wrong = values is None or len(values) < least or not all(isinstance(v, str) and accepts(v) for v in values)
        if wrong:
            self._refuse(key, _shown(self._raw(key)), f"a list of {allowed}")
            return ()
        return tuple(cast("list[str]", values))

    def mapping(self, key: str, allowed: str) -> Mapping[str, str]:
        values = self._json(key, dict) if self._raw(key) is not None else {}
        if values is None or not all(isinstance(v, (str, int)) for v in values.values()):
            self._refuse(key, _shown(self._raw(key)), allowed)
            return {}
        return {name: str(value) for name, value in values.items()}

    def require(self, key: str, problem: str | None) -> None:
        """Add a problem that another check has found with the value of a key."""
        if problem:
            self.problems.append(f"{key}: {problem}")

    def _raw(self, key: str) -> str | None:
        return self._config.get(key)

    def _json(self, key: str, kind: type[Any]) -> Any:
        try:
            value = json.loads(self._raw(key) or "null")
        except ValueError:
            return None
        return value if isinstance(value, kind) else None

    def _refuse(self, key: str, value: str, allowed: str) -> None:
        self.problems.append(f"{key}: {value}. Allowed: {allowed}.")


def _check_together(reader: Reader, settings: Settings) -> None:
    allowed, chosen = settings.allowed_transform_instance_types, settings.transform_instance_type
    if allowed and _is_transform_type(chosen) and chosen not in allowed:
        reader.require(
            "transformInstanceType", f"it is not among allowedTransformInstanceTypes ({', '.join(allowed)})."
        )
    if twice := [arn for arn, times in Counter(settings.admin_principals).items() if times > 1]:
        reader.require("adminPrincipals", f"these are named twice: {', '.join(twice)}. Allowed: each principal once.")
    if bool(settings.existing_vpc_id) != bool(settings.existing_subnet_ids):
        reader.require("existingVpcId", "it needs existingSubnetIds, and these need it. Allowed: both or neither.")
    if settings.model_archive:
        reader.require("modelArchive", settings.model.archive_problem(settings.model))


def _shown(value: str | None) -> str:
    return f"'{value}'" if value else "has no value"
