"""IAM's OpenID Connect providers: the issuers whose tokens may be exchanged for a role's session."""

from __future__ import annotations

from localcloud.pulumi.aws.api import Api, Tagging
from localcloud.pulumi.aws.cloud import Cloud
from localcloud.pulumi.aws.resource import Update
from localcloud.pulumi.wire import Properties, names

# IAM gets the certificate from the issuer itself. Nothing does that here, and the field must not be empty.
_ANY_THUMBPRINTS = ["f" * 40]
_ARN = "openIDConnectProviderArn"
_API = Api(
    token="aws:iam/openIdConnectProvider:OpenIdConnectProvider",
    service="iam",
    identity="arn",
    calls=("CreateOpenIDConnectProvider", "GetOpenIDConnectProvider", "DeleteOpenIDConnectProvider"),
    gone=("NoSuchEntity",),
    names={"arn": "OpenIDConnectProviderArn", "clientIdLists": "ClientIDList", "thumbprintLists": "ThumbprintList"},
    tagging=Tagging("iam", "TagOpenIDConnectProvider", "UntagOpenIDConnectProvider", parameter=_ARN),
)


def _create(cloud: Cloud, inputs: Properties) -> str:
    url = f"https://{inputs['url'].removeprefix('https://')}"
    return _API.create(cloud, {"thumbprintLists": _ANY_THUMBPRINTS, **inputs, "url": url})


def _read(cloud: Cloud, identity: str, known: Properties) -> Properties | None:
    found = _API.read(cloud, identity, known)
    if found:
        bare = found["url"].removeprefix("https://")
        found["url"] = bare if known.get("url") == bare else f"https://{bare}"
    return found


def _update(cloud: Cloud, update: Update) -> None:
    _API.change(cloud, update, "UpdateOpenIDConnectProviderThumbprint")
    wanted, present = set(update.new["clientIdLists"]), set(update.outputs["clientIdLists"])
    for operation, clients in (("Add{}To", wanted - present), ("Remove{}From", present - wanted)):
        for client in sorted(clients):
            name = f"{operation.format('ClientID')}OpenIDConnectProvider"
            cloud.iam(name, OpenIDConnectProviderArn=update.identity, ClientID=client)


OPENID_CONNECT_PROVIDER = _API.type(
    create=_create,
    read=_read,
    update=_update,
    replaces=names("url"),
    sets=names("clientIdLists"),
    regional=False,
)

TYPES = (OPENID_CONNECT_PROVIDER,)
