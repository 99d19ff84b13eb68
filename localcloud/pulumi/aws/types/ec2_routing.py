"""Route tables, their routes and their associations."""

from __future__ import annotations

import zlib
from typing import Any

from localcloud.pulumi.aws.cloud import Cloud, absent_as_none, ignore
from localcloud.pulumi.aws.resource import ResourceType, Update, names
from localcloud.pulumi.aws.types import ec2_common as ec2
from localcloud.pulumi.wire import Properties

_NOT_YET = {"InvalidRouteTableID.NotFound": None, "InvalidSubnetID.NotFound": None, "InvalidGatewayID.NotFound": None}
_TARGETS = {
    "carrierGatewayId": "CarrierGatewayId",
    "egressOnlyGatewayId": "EgressOnlyInternetGatewayId",
    "gatewayId": "GatewayId",
    "localGatewayId": "LocalGatewayId",
    "natGatewayId": "NatGatewayId",
    "networkInterfaceId": "NetworkInterfaceId",
    "transitGatewayId": "TransitGatewayId",
    "vpcPeeringConnectionId": "VpcPeeringConnectionId",
}
_DESTINATIONS = {
    "destinationCidrBlock": "DestinationCidrBlock",
    "destinationIpv6CidrBlock": "DestinationIpv6CidrBlock",
    "destinationPrefixListId": "DestinationPrefixListId",
}
_INLINE_DESTINATIONS = {
    "cidrBlock": "DestinationCidrBlock",
    "ipv6CidrBlock": "DestinationIpv6CidrBlock",
    "destinationPrefixListId": "DestinationPrefixListId",
}
_UNSUPPORTED_TARGETS = names("coreNetworkArn odbNetworkArn vpcEndpointId")


def _translated(values: Properties, table: dict[str, str]) -> dict[str, Any]:
    return {api: values[name] for name, api in table.items() if values.get(name)}


# Route table


def _create_table(cloud: Cloud, inputs: Properties) -> str:
    made = cloud.ec2(
        "CreateRouteTable", VpcId=inputs["vpcId"], TagSpecifications=ec2.tag_specification("route-table", inputs)
    )
    identity = cloud.made(made["RouteTable"]["RouteTableId"])
    for route in inputs.get("routes") or []:
        _add_inline(cloud, identity, route)
    return identity


def _add_inline(cloud: Cloud, identity: str, route: Properties) -> None:
    parameters = {**_translated(route, _INLINE_DESTINATIONS), **_translated(route, _TARGETS)}
    cloud.retry(lambda: cloud.ec2("CreateRoute", RouteTableId=identity, **parameters), codes=_NOT_YET)


def _table(cloud: Cloud, identity: str) -> Any:
    gone = "InvalidRouteTableID.NotFound"
    return ec2.described(cloud, "DescribeRouteTables", "RouteTables", "RouteTableIds", identity, gone)


def _inline_routes(found: Any) -> list[Properties]:
    """Routes that a program may have created: neither the VPC's own nor those of a gateway endpoint."""
    routes: list[Properties] = []
    for route in found.get("Routes", []):
        if route.get("GatewayId") == "local" or str(route.get("GatewayId", "")).startswith("vpce-"):
            continue
        reverse = {**_INLINE_DESTINATIONS, **_TARGETS}
        routes.append({name: route.get(api) or "" for name, api in reverse.items()})
    return routes


def _read_table(cloud: Cloud, identity: str, known: Properties) -> Properties | None:
    found = _table(cloud, identity)
    if found is None:
        return None
    return {
        **ec2.common(cloud, found, f"route-table/{identity}"),
        "vpcId": found["VpcId"],
        "propagatingVgws": [v["GatewayId"] for v in found.get("PropagatingVgws", [])],
        "routes": _inline_routes(found),
    }


def _update_table(cloud: Cloud, update: Update) -> None:
    old, new = update.old.get("routes") or [], update.new.get("routes") or []
    for route in (r for r in old if r not in new):
        parameters = _translated(route, _INLINE_DESTINATIONS)
        ignore(
            lambda p=parameters: cloud.ec2("DeleteRoute", RouteTableId=update.identity, **p), "InvalidRoute.NotFound"
        )
    for route in (r for r in new if r not in old):
        _add_inline(cloud, update.identity, route)


def _delete_table(cloud: Cloud, identity: str, known: Properties) -> None:
    found = _table(cloud, identity)
    for association in (found or {}).get("Associations", []):
        if not association.get("Main"):
            _disassociate(cloud, association["RouteTableAssociationId"])
    ignore(
        lambda: cloud.retry(
            lambda: cloud.ec2("DeleteRouteTable", RouteTableId=identity),
            codes={"DependencyViolation": None},
            seconds=300,
        ),
        "InvalidRouteTableID.NotFound",
    )


ROUTE_TABLE = ResourceType(
    token="aws:ec2/routeTable:RouteTable",
    create=_create_table,
    read=_read_table,
    update=_update_table,
    delete=_delete_table,
    tagger=ec2.tag,
    replaces=names("vpcId"),
    sets=names("routes"),
    unsupported=names("propagatingVgws"),
)

# Route


def _route_id(table: str, destination: str) -> str:
    """The id that the official provider makes, which contains a checksum of the destination."""
    return f"r-{table}{zlib.crc32(destination.encode())}"


def _destination(values: Properties) -> dict[str, Any]:
    return _translated(values, _DESTINATIONS)


def _create_route(cloud: Cloud, inputs: Properties) -> str:
    table, destination = inputs["routeTableId"], _destination(inputs)
    parameters = {**destination, **_translated(inputs, _TARGETS)}
    cloud.retry(lambda: cloud.ec2("CreateRoute", RouteTableId=table, **parameters), codes=_NOT_YET)
    return _route_id(table, next(iter(destination.values())))


def _read_route(cloud: Cloud, identity: str, known: Properties) -> Properties | None:
    table, wanted = known.get("routeTableId"), _destination(known)
    if not table:  # an import, `<table>_<destination>`
        table, _, text = identity.partition("_")
        name = "DestinationPrefixListId" if text.startswith("pl-") else "DestinationCidrBlock"
        wanted = {name: text}
    found = _table(cloud, table)
    route = next((r for r in (found or {}).get("Routes", []) if wanted.items() <= r.items()), None)
    if route is None:
        return None
    reverse = {**_DESTINATIONS, **_TARGETS}
    return {
        "id": _route_id(table, next(iter(wanted.values()))),
        **{name: route.get(api) or "" for name, api in reverse.items()},
        "routeTableId": table,
        "instanceId": route.get("InstanceId", ""),
        "instanceOwnerId": route.get("InstanceOwnerId", ""),
        "origin": route.get("Origin", "CreateRoute"),
        "state": route.get("State", "active"),
    }


def _update_route(cloud: Cloud, update: Update) -> None:
    parameters = {**_destination(update.new), **_translated(update.new, _TARGETS)}
    cloud.ec2("ReplaceRoute", RouteTableId=update.new["routeTableId"], **parameters)


def _delete_route(cloud: Cloud, identity: str, known: Properties) -> None:
    ignore(
        lambda: cloud.ec2("DeleteRoute", RouteTableId=known["routeTableId"], **_destination(known)),
        "InvalidRoute.NotFound",
        "InvalidRouteTableID.NotFound",
    )


def _one_destination_and_target(inputs: Properties) -> dict[str, str]:
    problems: dict[str, str] = {}
    if sum(name in inputs for name in _DESTINATIONS) != 1:
        problems["destinationCidrBlock"] = f"a route needs exactly one of {', '.join(_DESTINATIONS)}"
    if sum(name in inputs for name in _TARGETS) != 1:
        problems["gatewayId"] = f"a route needs exactly one of {', '.join(_TARGETS)}"
    return problems


ROUTE = ResourceType(
    token="aws:ec2/route:Route",
    create=_create_route,
    read=_read_route,
    update=_update_route,
    delete=_delete_route,
    replaces=frozenset({"routeTableId", *_DESTINATIONS}),
    unsupported=_UNSUPPORTED_TARGETS,
    validate=_one_destination_and_target,
)

# Association


def _create_association(cloud: Cloud, inputs: Properties) -> str:
    return cloud.retry(
        lambda: cloud.ec2(
            "AssociateRouteTable",
            RouteTableId=inputs["routeTableId"],
            SubnetId=inputs.get("subnetId"),
            GatewayId=inputs.get("gatewayId"),
        ),
        codes=_NOT_YET,
    )["AssociationId"]


def _association(cloud: Cloud, conditions: dict[str, str]) -> tuple[Any, Any] | None:
    found = cloud.ec2("DescribeRouteTables", Filters=ec2.filters(conditions))["RouteTables"]
    for table in found:
        for association in table.get("Associations", []):
            if conditions.items() <= _conditions(association).items():
                return table, association
    return None


def _conditions(association: Any) -> dict[str, str]:
    return {
        "association.route-table-association-id": association.get("RouteTableAssociationId", ""),
        "association.subnet-id": association.get("SubnetId", ""),
        "association.gateway-id": association.get("GatewayId", ""),
    }


def _read_association(cloud: Cloud, identity: str, known: Properties) -> Properties | None:
    if "/" in identity:  # an import, `<subnet>/<table>`
        member = identity.split("/", maxsplit=1)[0]
        name = "association.subnet-id" if member.startswith("subnet-") else "association.gateway-id"
        found = _association(cloud, {name: member})
    else:
        found = _association(cloud, {"association.route-table-association-id": identity})
    if found is None:
        return None
    table, association = found
    return {
        "id": association["RouteTableAssociationId"],
        "routeTableId": table["RouteTableId"],
        "subnetId": association.get("SubnetId") or None,
        "gatewayId": association.get("GatewayId") or None,
    }


def _disassociate(cloud: Cloud, identity: str) -> None:
    absent_as_none(lambda: cloud.ec2("DisassociateRouteTable", AssociationId=identity), "InvalidAssociationID.NotFound")


def _delete_association(cloud: Cloud, identity: str, known: Properties) -> None:
    _disassociate(cloud, identity)


ROUTE_TABLE_ASSOCIATION = ResourceType(
    token="aws:ec2/routeTableAssociation:RouteTableAssociation",
    create=_create_association,
    read=_read_association,
    delete=_delete_association,
    # AWS gives a replaced association a new id, which an update could not keep
    replaces=names("routeTableId subnetId gatewayId"),
    delete_first=True,
    validate=lambda inputs: (
        {}
        if ("subnetId" in inputs) != ("gatewayId" in inputs)
        else {"subnetId": "give either `subnetId` or `gatewayId`"}
    ),
)
