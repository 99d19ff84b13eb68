"""The functions (data sources) that a program may invoke."""

from __future__ import annotations

from collections.abc import Callable

from localcloud.pulumi.aws import existing
from localcloud.pulumi.aws.cloud import Cloud
from localcloud.pulumi.aws.types.ec2_common import filters
from localcloud.pulumi.errors import Failure, InputsError
from localcloud.pulumi.wire import Properties

# Accounts in which AWS keeps the images of its framework containers for XGBoost and scikit-learn.
_IMAGE_ACCOUNTS = {
    "af-south-1": "510948584623",
    "ap-east-1": "651117190479",
    "ap-northeast-1": "354813040037",
    "ap-northeast-2": "366743142698",
    "ap-northeast-3": "867004704886",
    "ap-south-1": "720646828776",
    "ap-southeast-1": "121021644041",
    "ap-southeast-2": "783357654285",
    "ca-central-1": "341280168497",
    "eu-central-1": "492215442770",
    "eu-north-1": "662702820516",
    "eu-south-1": "978288397137",
    "eu-west-1": "141502667606",
    "eu-west-2": "764974769150",
    "eu-west-3": "659782779980",
    "me-south-1": "801668240914",
    "sa-east-1": "737474898029",
    "us-east-1": "683313688378",
    "us-east-2": "257758044811",
    "us-west-1": "746614075791",
    "us-west-2": "246618743249",
}
_IMAGE_REPOSITORIES = ("sagemaker-xgboost", "sagemaker-scikit-learn")


def _caller_identity(cloud: Cloud, arguments: Properties) -> Properties:
    _only(arguments, "id")
    identity = cloud.endpoint.caller_identity
    account = identity["Account"]
    return {"accountId": account, "arn": identity["Arn"], "userId": identity["UserId"], "id": account}


def _partition(cloud: Cloud, arguments: Properties) -> Properties:
    _only(arguments, "id")
    return {"partition": "aws", "id": "aws", "dnsSuffix": "amazonaws.com", "reverseDnsPrefix": "com.amazonaws"}


def _availability_zones(cloud: Cloud, arguments: Properties) -> Properties:
    _only(arguments, "allAvailabilityZones", "excludeNames", "excludeZoneIds", "filters", "region", "state")
    conditions = [{"Name": f["name"], "Values": f["values"]} for f in arguments.get("filters") or []]
    if state := arguments.get("state"):
        conditions += filters({"state": state})
    answer = cloud.ec2(
        "DescribeAvailabilityZones",
        AllAvailabilityZones=arguments.get("allAvailabilityZones"),
        Filters=conditions or None,
    )
    zones = [
        zone
        for zone in sorted(answer["AvailabilityZones"], key=lambda z: z["ZoneName"])
        if zone["ZoneName"] not in (arguments.get("excludeNames") or [])
        and zone.get("ZoneId") not in (arguments.get("excludeZoneIds") or [])
    ]
    return {
        **arguments,
        "id": cloud.region,
        "region": cloud.region,
        "names": [zone["ZoneName"] for zone in zones],
        "zoneIds": [zone.get("ZoneId", "") for zone in zones],
        "groupNames": sorted({zone.get("GroupName") or cloud.region for zone in zones}),
    }


def _prebuilt_image(cloud: Cloud, arguments: Properties) -> Properties:
    _only(arguments, "repositoryName", "imageTag", "dnsSuffix", "region")
    repository = arguments.get("repositoryName")
    if repository not in _IMAGE_REPOSITORIES:
        known = ", ".join(_IMAGE_REPOSITORIES)
        raise existing.refusal("repositoryName", f"the local cloud knows the images {known}, not {repository!r}")
    account = _IMAGE_ACCOUNTS.get(cloud.region)
    if account is None:
        raise existing.refusal("region", f"the local cloud does not know AWS's image account of {cloud.region}")
    suffix, tag = arguments.get("dnsSuffix") or "amazonaws.com", arguments.get("imageTag") or "1"
    return {
        "repositoryName": repository,
        "imageTag": tag,
        "dnsSuffix": suffix,
        "region": cloud.region,
        "id": account,
        "registryId": account,
        "registryPath": f"{account}.dkr.ecr.{cloud.region}.{suffix}/{repository}:{tag}",
    }


def _only(arguments: Properties, *known: str) -> None:
    unknown = [Failure(name, f"there is no argument `{name}`") for name in arguments if name not in known]
    if unknown:
        raise InputsError("; ".join(f.reason for f in unknown), unknown)


FUNCTIONS: dict[str, Callable[[Cloud, Properties], Properties]] = {
    "aws:index/getCallerIdentity:getCallerIdentity": _caller_identity,
    "aws:index/getPartition:getPartition": _partition,
    "aws:index/getAvailabilityZones:getAvailabilityZones": _availability_zones,
    "aws:sagemaker/getPrebuiltEcrImage:getPrebuiltEcrImage": _prebuilt_image,
    **existing.FUNCTIONS,
}
