"""A stack that its repository deploys: two roles, assumed by OpenID Connect, and nothing if no repository is named."""

from collections import Counter

import pytest

from tests.program.harness import ACCOUNT, Graph, deploy

PROVIDER = f"arn:aws:iam::{ACCOUNT}:oidc-provider/token.actions.githubusercontent.com"


def delivered(**config: object) -> Graph:
    graph = deploy(config={"deliveryRepository": "someone/workshop", **config})
    assert graph.error is None
    return graph


def test_delivery_adds_a_provider_two_roles_and_their_policies() -> None:
    graph = delivered()
    added = Counter(found.type for found in graph.resources.values())
    added.subtract(found.type for found in deploy().resources.values())
    assert {kind: count for kind, count in added.items() if count} == {
        "workshop:index:Delivery": 1,
        "aws:iam/openIdConnectProvider:OpenIdConnectProvider": 1,
        "aws:iam/role:Role": 2,
        "aws:iam/rolePolicy:RolePolicy": 1,
        "aws:iam/policy:Policy": 2,
        "aws:iam/rolePolicyAttachment:RolePolicyAttachment": 2,
    }
    assert graph.outputs["delivery_roles"] == {
        "preview": f"arn:aws:iam::{ACCOUNT}:role/batch-workshop-preview",
        "deploy": f"arn:aws:iam::{ACCOUNT}:role/batch-workshop-deploy",
    }


def test_the_accounts_own_provider_is_used_where_it_is_given() -> None:
    graph = delivered(deliveryProviderArn=PROVIDER)
    assert graph.all("aws:iam/openIdConnectProvider:OpenIdConnectProvider") == []
    assert PROVIDER in graph.one("aws:iam/role:Role", "batch-workshop-deploy").inputs["assumeRolePolicy"]


@pytest.mark.parametrize(
    "config",
    [
        pytest.param({"deliveryRepository": "https://github.com/someone/workshop"}, id="a URL"),
        pytest.param({"deliveryProviderArn": "arn:aws:iam::1:role/x"}, id="no provider"),
        pytest.param({"deliveryStateBucket": "s3://states"}, id="no name of a bucket"),
        pytest.param({"deliverySecretsKey": "alias/key"}, id="no ARN of a key"),
    ],
)
def test_what_is_no_repository_provider_bucket_or_key_is_refused(config: dict[str, object]) -> None:
    graph = deploy(config=config)
    assert f"{next(iter(config))}: " in str(graph.error)
