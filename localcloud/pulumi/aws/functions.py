"""The functions (data sources) that a program may invoke."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from localcloud.pulumi.aws import existing
from localcloud.pulumi.aws.cloud import Cloud
from localcloud.pulumi.aws.endpoint import AwsError
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
    account = cloud.account()
    return {"accountId": account.account_id, "arn": account.arn, "userId": account.user_id, "id": account.account_id}


def _region(cloud: Cloud, arguments: Properties) -> Properties:
    _only(arguments, "id", "name", "region")
    name = arguments.get("region") or arguments.get("name") or cloud.region
    return {
        "name": name,
        "region": name,
        "id": name,
        "description": name,
        "endpoint": f"ec2.{name}.amazonaws.com",
    }


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
        reason = f"the local cloud knows the images {', '.join(_IMAGE_REPOSITORIES)}, not {repository!r}"
        raise InputsError(reason, [Failure("repositoryName", reason)])
    account = _IMAGE_ACCOUNTS.get(cloud.region)
    if account is None:
        reason = f"the local cloud does not know AWS's image account of the region {cloud.region}"
        raise InputsError(reason, [Failure("region", reason)])
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


def _service_quota(cloud: Cloud, arguments: Properties) -> Properties:
    _only(arguments, "serviceCode", "quotaCode", "quotaName", "region")
    service = arguments["serviceCode"]
    if code := arguments.get("quotaCode"):
        quota = cloud.call("service-quotas", "GetServiceQuota", ServiceCode=service, QuotaCode=code)["Quota"]
    else:
        quota = _quota_by_name(cloud, service, arguments.get("quotaName") or "")
    return {
        "id": quota["QuotaArn"],
        "arn": quota["QuotaArn"],
        "serviceCode": service,
        "serviceName": quota.get("ServiceName", ""),
        "quotaCode": quota["QuotaCode"],
        "quotaName": quota["QuotaName"],
        "adjustable": quota.get("Adjustable", False),
        "globalQuota": quota.get("GlobalQuota", False),
        "value": quota["Value"],
        "defaultValue": _default_quota(cloud, service, quota),
        "usageMetrics": [],
        "region": cloud.region,
    }


def _default_quota(cloud: Cloud, service: str, quota: Any) -> Any:
    try:
        answer = cloud.call(
            "service-quotas", "GetAWSDefaultServiceQuota", ServiceCode=service, QuotaCode=quota["QuotaCode"]
        )
    except AwsError:
        return quota["Value"]
    return answer["Quota"]["Value"]


def _quota_by_name(cloud: Cloud, service: str, name: str) -> Any:
    page: dict[str, Any] = {}
    while True:
        answer = cloud.call("service-quotas", "ListServiceQuotas", ServiceCode=service, **page)
        for quota in answer["Quotas"]:
            if quota["QuotaName"] == name:
                return quota
        if not answer.get("NextToken"):
            reason = f"the service {service} has no quota named {name!r}"
            raise InputsError(reason, [Failure("quotaName", reason)])
        page = {"NextToken": answer["NextToken"]}


def _addon_version(cloud: Cloud, arguments: Properties) -> Properties:
    _only(arguments, "addonName", "kubernetesVersion", "mostRecent", "region")
    name, version = arguments["addonName"], arguments["kubernetesVersion"]
    answer = cloud.eks("DescribeAddonVersions", addonName=name, kubernetesVersion=version)
    candidates = [v for addon in answer["addons"] for v in addon.get("addonVersions") or []]
    if not arguments.get("mostRecent"):
        candidates = [v for v in candidates if any(c.get("defaultVersion") for c in v.get("compatibilities") or [])]
    if not candidates:
        reason = f"EKS has no version of the add-on {name!r} for Kubernetes {version}"
        raise InputsError(reason, [Failure("addonName", reason)])
    return {
        "addonName": name,
        "kubernetesVersion": version,
        "mostRecent": bool(arguments.get("mostRecent")),
        "id": name,
        "version": candidates[0]["addonVersion"],  # EKS lists the newest first
        "region": cloud.region,
    }


def _only(arguments: Properties, *known: str) -> None:
    unknown = [Failure(name, f"there is no argument `{name}`") for name in arguments if name not in known]
    if unknown:
        raise InputsError("; ".join(f.reason for f in unknown), unknown)


FUNCTIONS: dict[str, Callable[[Cloud, Properties], Properties]] = {
    "aws:index/getCallerIdentity:getCallerIdentity": _caller_identity,
    "aws:index/getRegion:getRegion": _region,
    "aws:index/getPartition:getPartition": _partition,
    "aws:index/getAvailabilityZones:getAvailabilityZones": _availability_zones,
    "aws:sagemaker/getPrebuiltEcrImage:getPrebuiltEcrImage": _prebuilt_image,
    "aws:servicequotas/getServiceQuota:getServiceQuota": _service_quota,
    "aws:eks/getAddonVersion:getAddonVersion": _addon_version,
    **existing.FUNCTIONS,
}
