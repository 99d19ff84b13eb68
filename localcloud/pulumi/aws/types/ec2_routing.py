"""Route tables, their routes and their associations."""

from __future__ import annotations

import zlib

from localcloud.pulumi.aws.api import Api
from localcloud.pulumi.aws.cloud import Cloud, ignore
from localcloud.pulumi.aws.resource import Update
from localcloud.pulumi.aws.types.ec2_common import Ec2Api, filters
from localcloud.pulumi.wire import Properties, names

_NO_TABLE = "InvalidRouteTableID.NotFound"
_NO_ROUTE = "InvalidRoute.NotFound"
_NOT_YET = {_NO_TABLE: None, "InvalidSubnetID.NotFound": None, "InvalidGatewayID.NotFound": None}
_DESTINATIONS = ("destinationCidrBlock", "destinationIpv6CidrBlock", "destinationPrefixListId")
_TARGETS = (
    "carrierGatewayId",
    "egressOnlyGatewayId",
    "gatewayId",
    "localGatewayId",
    "natGatewayId",
    "networkInterfaceId",
    "transitGatewayId",
    "vpcPeeringConnectionId",
)

# Route table, which may have routes of its own

_TABLE = Ec2Api(
    token="aws:ec2/routeTable:RouteTable",
    calls=("CreateRouteTable", "DescribeRouteTables", "DeleteRouteTable"),
    noun="RouteTable",
    resource="route-table",
    key="RouteTables",
    gone=(_NO_TABLE,),
    names={
        "id": "RouteTableId",
        "cidrBlock": "DestinationCidrBlock",
        "egressOnlyGatewayId": "EgressOnlyInternetGatewayId",
        "ipv6CidrBlock": "DestinationIpv6CidrBlock",
    },
    settling=_NOT_YET,
    busy={"DependencyViolation": None},
    busy_seconds=300,
)


def _create_table(cloud: Cloud, inputs: Properties) -> str:
    identity = _TABLE.create(cloud, inputs)
    for route in inputs.get("routes") or []:
        _add_inline(cloud, identity, route)
    return identity


def _add_inline(cloud: Cloud, identity: str, route: Properties) -> None:
    _TABLE.settled(cloud, lambda: _TABLE.ask(cloud, "CreateRoute", {**route, "id": identity}))


def _read_table(cloud: Cloud, identity: str, known: Properties) -> Properties | None:
    """Read a table with the routes that a program may have created: neither the VPC's own nor those of an endpoint."""
    found = _TABLE.found(cloud, identity)
    if found is None:
        return None
    routes = [r for r in found.get("Routes", []) if not r.get("GatewayId", "").startswith(("local", "vpce-"))]
    outputs = _TABLE.outputs(cloud, identity, {**found, "Routes": routes})
    return {**outputs, "propagatingVgws": [v["GatewayId"] for v in found.get("PropagatingVgws", [])]}


def _update_table(cloud: Cloud, update: Update) -> None:
    old, new = update.old.get("routes") or [], update.new.get("routes") or []
    for route in (r for r in old if r not in new):
        keys = {**route, "id": update.identity}
        ignore(lambda k=keys: _TABLE.ask(cloud, "DeleteRoute", k), _NO_ROUTE)
    for route in (r for r in new if r not in old):
        _add_inline(cloud, update.identity, route)


def _delete_table(cloud: Cloud, identity: str, known: Properties) -> None:
    for association in (_TABLE.found(cloud, identity) or {}).get("Associations", []):
        if not association.get("Main"):
            _ASSOCIATION.delete(cloud, association["RouteTableAssociationId"], {})
    _TABLE.delete(cloud, identity, known)


ROUTE_TABLE = _TABLE.type(
    create=_create_table,
    read=_read_table,
    update=_update_table,
    delete=_delete_table,
    replaces=names("vpcId"),
    sets=names("routes"),
    unsupported=names("propagatingVgws"),
)

# Route

_ROUTE = Api(
    token="aws:ec2/route:Route",
    service="ec2",
    calls=("CreateRoute", "DescribeRouteTables", "DeleteRoute"),
    key="RouteTables.Routes",
    identity="id",
    gone=(_NO_ROUTE, _NO_TABLE),
    names={"egressOnlyGatewayId": "EgressOnlyInternetGatewayId"},
    settling=_NOT_YET,
)


def _route_id(values: Properties) -> str:
    """The id that the official provider makes, which contains a checksum of the destination."""
    destination = next(values[name] for name in _DESTINATIONS if values.get(name))
    return f"r-{values['routeTableId']}{zlib.crc32(destination.encode())}"


def _create_route(cloud: Cloud, inputs: Properties) -> str:
    _ROUTE.settled(cloud, lambda: _ROUTE.ask(cloud, "CreateRoute", inputs))
    return _route_id(inputs)


def _read_route(cloud: Cloud, identity: str, known: Properties) -> Properties | None:
    if not known.get("routeTableId"):  # an import, `<table>_<destination>`
        table, _, text = identity.partition("_")
        ip_version = "Ipv6" if ":" in text else ""
        name = "destinationPrefixListId" if text.startswith("pl-") else f"destination{ip_version}CidrBlock"
        known = {"routeTableId": table, name: text}
    wanted = {f"D{name[1:]}": known[name] for name in _DESTINATIONS if known.get(name)}
    found = _TABLE.found(cloud, known["routeTableId"]) or {}
    route = next((r for r in found.get("Routes", []) if wanted.items() <= r.items()), None)
    return route and {
        **_ROUTE.outputs(cloud, identity, route),
        "id": _route_id(known),
        "routeTableId": known["routeTableId"],
    }


def _update_route(cloud: Cloud, update: Update) -> None:
    _ROUTE.ask(cloud, "ReplaceRoute", update.new)


def _one_destination_and_target(inputs: Properties) -> dict[str, str]:
    problems: dict[str, str] = {}
    if sum(name in inputs for name in _DESTINATIONS) != 1:
        problems["destinationCidrBlock"] = f"a route needs exactly one of {', '.join(_DESTINATIONS)}"
    if sum(name in inputs for name in _TARGETS) != 1:
        problems["gatewayId"] = f"a route needs exactly one of {', '.join(_TARGETS)}"
    return problems


ROUTE = _ROUTE.type(
    create=_create_route,
    read=_read_route,
    update=_update_route,
    replaces=frozenset({"routeTableId", *_DESTINATIONS}),
    unsupported=names("coreNetworkArn odbNetworkArn vpcEndpointId"),
    validate=_one_destination_and_target,
)

# Association

_ASSOCIATION = Api(
    token="aws:ec2/routeTableAssociation:RouteTableAssociation",
    service="ec2",
    calls=("AssociateRouteTable", "DescribeRouteTables", "DisassociateRouteTable"),
    key="RouteTables.Associations",
    identity="id",
    gone=("InvalidAssociationID.NotFound",),
    names={"id": "AssociationId"},
    settling=_NOT_YET,
)


def _associate(cloud: Cloud, inputs: Properties) -> str:
    return _ASSOCIATION.settled(cloud, lambda: _ASSOCIATION.ask(cloud, "AssociateRouteTable", inputs))["AssociationId"]


def _read_association(cloud: Cloud, identity: str, known: Properties) -> Properties | None:
    name, member = ("route-table-association-id", "RouteTableAssociationId"), identity
    if "/" in identity:  # an import, `<subnet>/<table>`
        member = identity.split("/", maxsplit=1)[0]
        name = ("subnet-id", "SubnetId") if member.startswith("subnet-") else ("gateway-id", "GatewayId")
    found = cloud.ec2("DescribeRouteTables", Filters=filters({f"association.{name[0]}": member}))["RouteTables"]
    for association in (a for table in found for a in table.get("Associations", []) if a.get(name[1]) == member):
        outputs = _ASSOCIATION.outputs(cloud, identity, association)
        return {**outputs, "id": association["RouteTableAssociationId"]}
    return None


ROUTE_TABLE_ASSOCIATION = _ASSOCIATION.type(
    create=_associate,
    read=_read_association,
    # AWS gives a replaced association a new id, which an update could not keep
    replaces=names("routeTableId subnetId gatewayId"),
    delete_first=True,
    validate=lambda inputs: (
        {}
        if ("subnetId" in inputs) != ("gatewayId" in inputs)
        else {"subnetId": "give either `subnetId` or `gatewayId`"}
    ),
)

TYPES = (
    ROUTE_TABLE,
    ROUTE,
    ROUTE_TABLE_ASSOCIATION,
)
