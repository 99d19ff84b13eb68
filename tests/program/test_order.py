"""The order of deletion: destroy runs dependencies backwards, so each required order must be a dependency."""

import pytest

from tests.program.harness import Graph, Registered, deploy

JOB = ("kubernetes:sagemaker.services.k8s.aws/v1alpha1:TransformJob", "churn")
RELEASE = ("kubernetes:helm.sh/v3:Release", "batch-workshop-operator")
NAMES = ("kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinitionPatch", "batch-workshop-short-names")
NODES = ("eks:index:ManagedNodeGroup", "batch-workshop-nodes")
ASSOCIATION = ("aws:eks/podIdentityAssociation:PodIdentityAssociation", "batch-workshop-operator")
AGENT = ("aws:eks/addon:Addon", "batch-workshop-pod-identity-agent")
CLUSTER = ("eks:index:Cluster", "batch-workshop")
MODEL = ("aws:sagemaker/model:Model", "batch-workshop-model")
ARCHIVE = ("aws:s3/bucketObjectv2:BucketObjectv2", "batch-workshop-archive")
INPUT = ("aws:s3/bucketObjectv2:BucketObjectv2", "churn-input")
BUCKET = ("aws:s3/bucket:Bucket", "batch-workshop-data")
PUBLIC_ACCESS = ("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", "batch-workshop-data")
BUCKET_POLICY = ("aws:s3/bucketPolicy:BucketPolicy", "batch-workshop-data")
ROUTE = ("aws:ec2/route:Route", "batch-workshop-way-out")
ROUTED = ("aws:ec2/routeTableAssociation:RouteTableAssociation", "batch-workshop-public-1")
VPC = ("aws:ec2/vpc:Vpc", "batch-workshop-vpc")
CLUSTER_ROLE = ("aws:iam/role:Role", "batch-workshop-cluster")
CLUSTER_RIGHTS = ("aws:iam/rolePolicyAttachment:RolePolicyAttachment", "batch-workshop-cluster-AmazonEKSClusterPolicy")
NODE_ROLE = ("aws:iam/role:Role", "batch-workshop-node")
NODE_RIGHTS = ("aws:iam/rolePolicyAttachment:RolePolicyAttachment", "batch-workshop-node-AmazonEKS_CNI_Policy")
OPERATOR_ROLE = ("aws:iam/role:Role", "batch-workshop-operator")
OPERATOR_RIGHTS = ("aws:iam/rolePolicy:RolePolicy", "batch-workshop-operator")
EXECUTION_RIGHTS = ("aws:iam/rolePolicy:RolePolicy", "batch-workshop-execution")


@pytest.fixture(scope="module")
def graph() -> Graph:
    return deploy()


def named(graph: Graph, key: tuple[str, str]) -> Registered:
    return graph.one(*key)


@pytest.mark.parametrize(
    ("first_gone", "outlived_by"),
    [
        pytest.param(JOB, RELEASE, id="the operator takes the finalizers of jobs off"),
        pytest.param(JOB, NAMES, id="jobs go before the short names"),
        pytest.param(JOB, OPERATOR_RIGHTS, id="the operator may still describe jobs that go"),
        pytest.param(JOB, ASSOCIATION, id="the operator has credentials while jobs go"),
        pytest.param(JOB, NODES, id="the operator has a node while jobs go"),
        pytest.param(JOB, MODEL, id="a job goes before its model"),
        pytest.param(JOB, INPUT, id="a job goes before its input"),
        pytest.param(JOB, BUCKET, id="a job writes no more when the bucket goes"),
        pytest.param(JOB, BUCKET_POLICY, id="a job starts once the bucket is hardened"),
        pytest.param(JOB, EXECUTION_RIGHTS, id="a job has its rights until it is gone"),
        pytest.param(NAMES, RELEASE, id="the definition exists when it is patched"),
        pytest.param(RELEASE, NODES, id="the release goes while there is a node"),
        pytest.param(RELEASE, ASSOCIATION, id="a pod is created after the association"),
        pytest.param(RELEASE, AGENT, id="a pod is created after the agent"),
        pytest.param(RELEASE, OPERATOR_RIGHTS, id="the operator starts with its rights"),
        pytest.param(NODES, ASSOCIATION, id="minutes lie between association and pod"),
        pytest.param(NODES, AGENT, id="the agent is there when a node boots"),
        pytest.param(NODES, CLUSTER, id="nodes go before the cluster"),
        pytest.param(NODES, NODE_ROLE, id="a node has its role until it is gone"),
        pytest.param(NODES, NODE_RIGHTS, id="a node has its rights until it is gone"),
        pytest.param(NODES, ROUTE, id="a node has a way out until it is gone"),
        pytest.param(NODES, ROUTED, id="a node's subnet is routed until it is gone"),
        pytest.param(ASSOCIATION, CLUSTER, id="an association needs its cluster"),
        pytest.param(ASSOCIATION, OPERATOR_ROLE, id="a role goes after its user"),
        pytest.param(AGENT, CLUSTER, id="an add-on needs its cluster"),
        pytest.param(CLUSTER, CLUSTER_RIGHTS, id="the control plane has its rights until it is gone"),
        pytest.param(CLUSTER, CLUSTER_ROLE, id="the control plane has its role until it is gone"),
        pytest.param(CLUSTER, ROUTED, id="the network goes after the cluster"),
        pytest.param(CLUSTER, VPC, id="the VPC goes after the cluster"),
        pytest.param(MODEL, ARCHIVE, id="a model is made once its archive is there"),
        pytest.param(MODEL, EXECUTION_RIGHTS, id="SageMaker may read the archive when it makes the model"),
        pytest.param(MODEL, BUCKET_POLICY, id="the bucket's policy is settled when the archive is read"),
        pytest.param(ARCHIVE, BUCKET, id="an object goes before its bucket"),
        pytest.param(ARCHIVE, PUBLIC_ACCESS, id="nothing is uploaded before the bucket is private"),
        pytest.param(INPUT, PUBLIC_ACCESS, id="no input is uploaded before the bucket is private"),
        pytest.param(BUCKET_POLICY, PUBLIC_ACCESS, id="policy and public access block do not race"),
    ],
)
def test_destroy_keeps(graph: Graph, first_gone: tuple[str, str], outlived_by: tuple[str, str]) -> None:
    assert graph.outlives(named(graph, outlived_by), named(graph, first_gone))


def test_nothing_depends_on_a_job_but_its_own_component(graph: Graph) -> None:
    job = named(graph, JOB)
    assert [found.urn for found in graph.resources.values() if graph.outlives(job, found)] == []
