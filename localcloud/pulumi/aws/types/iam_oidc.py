"""IAM's OpenID Connect providers: the issuers whose tokens may be exchanged for a role's session."""

from __future__ import annotations

from typing import Any

from localcloud.pulumi.aws.cloud import Cloud, absent_as_none, ignore
from localcloud.pulumi.aws.resource import ResourceType, Update, names, tag_list, tag_map, tagger
from localcloud.pulumi.wire import Properties

_GONE = "NoSuchEntity"
# IAM gets the certificate from the issuer itself. Nothing does that here, and the field must not be empty.
_ANY_THUMBPRINT = "f" * 40


def _create(cloud: Cloud, inputs: Properties) -> str:
    answer = cloud.iam(
        "CreateOpenIDConnectProvider",
        Url=_url(inputs["url"]),
        ClientIDList=inputs["clientIdLists"],
        ThumbprintList=inputs.get("thumbprintLists") or [_ANY_THUMBPRINT],
        Tags=tag_list(inputs.get("tagsAll")),
    )
    return answer["OpenIDConnectProviderArn"]


def _url(given: str) -> str:
    return given if given.startswith("https://") else f"https://{given}"


def _provider(cloud: Cloud, arn: str) -> Any:
    return absent_as_none(lambda: cloud.iam("GetOpenIDConnectProvider", OpenIDConnectProviderArn=arn), _GONE)


def _read(cloud: Cloud, identity: str, known: Properties) -> Properties | None:
    found = _provider(cloud, identity)
    if found is None:
        return None
    bare = found["Url"].removeprefix("https://")
    return {
        "arn": identity,
        "url": known["url"] if bare in known.get("url", "") else f"https://{bare}",
        "clientIdLists": found["ClientIDList"],
        "thumbprintLists": found["ThumbprintList"],
        "tagsAll": tag_map(found.get("Tags")),
    }


def _update(cloud: Cloud, update: Update) -> None:
    arn = update.identity
    if "thumbprintLists" in update.changed:
        thumbprints = update.new.get("thumbprintLists") or [_ANY_THUMBPRINT]
        cloud.iam("UpdateOpenIDConnectProviderThumbprint", OpenIDConnectProviderArn=arn, ThumbprintList=thumbprints)
    wanted, present = set(update.new["clientIdLists"]), set(update.outputs["clientIdLists"])
    for client in sorted(wanted - present):
        cloud.iam("AddClientIDToOpenIDConnectProvider", OpenIDConnectProviderArn=arn, ClientID=client)
    for client in sorted(present - wanted):
        cloud.iam("RemoveClientIDFromOpenIDConnectProvider", OpenIDConnectProviderArn=arn, ClientID=client)


def _delete(cloud: Cloud, identity: str, known: Properties) -> None:
    ignore(lambda: cloud.iam("DeleteOpenIDConnectProvider", OpenIDConnectProviderArn=identity), _GONE)


OPENID_CONNECT_PROVIDER = ResourceType(
    token="aws:iam/openIdConnectProvider:OpenIdConnectProvider",
    create=_create,
    read=_read,
    update=_update,
    delete=_delete,
    tagger=tagger("iam", "OpenIDConnectProvider", "OpenIDConnectProviderArn"),
    replaces=names("url"),
    sets=names("clientIdLists"),
    regional=False,
)
