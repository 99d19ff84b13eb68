"""Who may assume the roles for delivery, and what those roles may do."""

import json

import pytest

from infra import delivery, policies
from infra.policies import Scope
from localcloud.aws.iam.documents import hold, policy

SCOPE = Scope("aws", "us-east-1", "123456789012", "batch-workshop")
PROVIDER = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"
MAIN = "repo:someone/workshop:ref:refs/heads/main"
LARGEST_MANAGED_POLICY = 6144


@pytest.mark.parametrize(
    ("claims", "let_in"),
    [
        pytest.param({"sub": MAIN, "aud": "sts.amazonaws.com"}, True, id="the branch main"),
        pytest.param({"sub": f"{MAIN}-2", "aud": "sts.amazonaws.com"}, False, id="another branch"),
        pytest.param({"sub": "repo:someone/workshop:pull_request", "aud": "sts.amazonaws.com"}, False, id="a PR"),
        pytest.param({"sub": MAIN.replace("someone", "else"), "aud": "sts.amazonaws.com"}, False, id="another owner"),
        pytest.param({"sub": MAIN, "aud": "https://github.com/someone"}, False, id="another audience"),
        pytest.param({"aud": "sts.amazonaws.com"}, False, id="no subject"),
    ],
)
def test_main_alone_may_deploy(claims: dict[str, str], let_in: bool) -> None:
    document = policies.document(delivery.trust(PROVIDER, MAIN))
    (statement,) = policy("trust", document).statements
    context = {f"token.actions.githubusercontent.com:{name}": (value,) for name, value in claims.items()}
    assert hold(statement.conditions, context) is let_in
    assert json.loads(document)["Statement"][0]["Principal"] == {"Federated": PROVIDER}


def test_a_preview_may_change_nothing() -> None:
    key = "arn:aws:kms:us-east-1:123456789012:key/k"
    statements = delivery.preview(SCOPE, ["states", "in"], key)
    actions = {action for statement in statements for action in statement.actions}
    assert {action.partition(":")[2].removesuffix("*") for action in actions} == {
        *("DescribeAvailabilityZones", "DescribeVpcs", "DescribeVpcAttribute", "DescribeSubnets"),
        *("DescribeAddonVersions", "DescribeClusterVersions", "ListClusters", "DescribeCluster"),
        *("ListServiceQuotas", "ListAWSDefaultServiceQuotas"),
        "ListBucket",
        "GetObject",
        "Decrypt",
    }


def test_a_state_elsewhere_needs_no_permissions_here() -> None:
    assert delivery.state(SCOPE) == []
    assert [statement.sid for statement in delivery.preview(SCOPE)] == ["LookUp", "ReadVpc", "ReadVersion"]


@pytest.mark.parametrize("prefix", [pytest.param("batch-workshop", id="default"), pytest.param("nightly", id="own")])
def test_the_deployers_documents_are_for_the_stack_and_fit_into_managed_policies(prefix: str) -> None:
    for text in delivery.deployer_documents(prefix, "sagemaker-batch-workshop"):
        assert len(json.dumps(json.loads(text), separators=(",", ":"))) <= LARGEST_MANAGED_POLICY
        assert (f":role/{prefix}-" in text) is True
        assert (":role/batch-workshop-" in text) is (prefix == "batch-workshop")
    assert (
        '"aws:RequestTag/project": "sagemaker-batch-workshop"'
        in delivery.deployer_documents(prefix, "sagemaker-batch-workshop")[-1]
    )
