"""The graph that the program registers: types, names, the properties that matter."""

import json
from collections import Counter
from typing import Any

import pytest

from tests.program.harness import ACCOUNT, Graph, deploy

BUCKET = "batch-workshop-data-1a2b3c4"
JOB = "kubernetes:sagemaker.services.k8s.aws/v1alpha1:TransformJob"
PATCH = "kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinitionPatch"


@pytest.fixture(scope="module")
def graph() -> Graph:
    found = deploy()
    assert found.error is None
    return found


def test_a_stack_consists_of_these_resources_and_no_others(graph: Graph) -> None:
    assert Counter(found.type for found in graph.resources.values()) == {
        "pulumi:pulumi:Stack": 1,
        "pulumi:providers:aws": 1,
        "pulumi:providers:kubernetes": 1,
        "workshop:index:Network": 1,
        "workshop:index:Storage": 1,
        "workshop:index:Identity": 1,
        "workshop:index:Cluster": 1,
        "workshop:index:Operator": 1,
        "workshop:index:Model": 1,
        "workshop:index:TransformJob": 1,
        "aws:ec2/vpc:Vpc": 1,
        "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": 1,
        "aws:ec2/internetGateway:InternetGateway": 1,
        "aws:ec2/routeTable:RouteTable": 1,
        "aws:ec2/route:Route": 1,
        "aws:ec2/subnet:Subnet": 2,
        "aws:ec2/routeTableAssociation:RouteTableAssociation": 2,
        "aws:ec2/vpcEndpoint:VpcEndpoint": 1,
        "aws:s3/bucket:Bucket": 1,
        "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": 1,
        "aws:s3/bucketOwnershipControls:BucketOwnershipControls": 1,
        "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": 1,
        "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": 1,
        "aws:s3/bucketPolicy:BucketPolicy": 1,
        "aws:s3/bucketObjectv2:BucketObjectv2": 2,
        "aws:iam/role:Role": 4,
        "aws:iam/rolePolicyAttachment:RolePolicyAttachment": 4,
        "aws:iam/rolePolicy:RolePolicy": 2,
        "eks:index:Cluster": 1,
        "eks:index:ManagedNodeGroup": 1,
        "aws:eks/addon:Addon": 1,
        "aws:eks/podIdentityAssociation:PodIdentityAssociation": 1,
        "kubernetes:helm.sh/v3:Release": 1,
        PATCH: 1,
        "aws:sagemaker/model:Model": 1,
        JOB: 1,
    }


def test_every_resource_has_a_component_for_parent(graph: Graph) -> None:
    stack = graph.one("pulumi:pulumi:Stack").urn
    for found in graph.resources.values():
        if found.type.startswith(("aws:", "eks:", "kubernetes:")):
            assert found.parent != stack, found.urn


def test_every_aws_resource_is_made_by_the_provider_with_the_default_tags(graph: Graph) -> None:
    provider = graph.one("pulumi:providers:aws")
    tags = json.loads(provider.inputs["defaultTags"])["tags"]
    assert tags == {"project": "sagemaker-batch-workshop", "stack": "local"}
    for found in graph.resources.values():
        if found.type.startswith("aws:"):
            assert found.provider.startswith(provider.urn), found.urn
        if found.type.startswith("eks:"):
            assert found.options.providers["aws"].startswith(provider.urn), found.urn


def test_what_can_be_tagged_has_a_name_tag(graph: Graph) -> None:
    untaggable = {
        "aws:ec2/route:Route",
        "aws:ec2/routeTableAssociation:RouteTableAssociation",
        "aws:iam/rolePolicy:RolePolicy",
        "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
        "aws:s3/bucketObjectv2:BucketObjectv2",
        "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
        "aws:s3/bucketOwnershipControls:BucketOwnershipControls",
        "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
        "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
        "aws:s3/bucketPolicy:BucketPolicy",
    }
    for found in graph.resources.values():
        if found.type.startswith(("aws:", "eks:")) and found.type not in untaggable:
            assert found.inputs["tags"]["Name"].startswith("batch-workshop"), found.urn


def test_the_network_takes_two_zones_where_eks_runs_and_public_addresses(graph: Graph) -> None:
    subnets = graph.all("aws:ec2/subnet:Subnet")
    assert {subnet.inputs["availabilityZone"] for subnet in subnets} == {"us-east-1a", "us-east-1b"}
    assert all(subnet.inputs["mapPublicIpOnLaunch"] for subnet in subnets)
    assert not graph.all("aws:ec2/natGateway:NatGateway")


def test_the_vpc_resolves_names_for_nodes(graph: Graph) -> None:
    vpc = graph.one("aws:ec2/vpc:Vpc").inputs
    assert (vpc["enableDnsHostnames"], vpc["enableDnsSupport"]) == (True, True)


def test_s3_is_reached_through_a_gateway_endpoint_on_the_route_table(graph: Graph) -> None:
    endpoint = graph.one("aws:ec2/vpcEndpoint:VpcEndpoint").inputs
    assert endpoint["serviceName"] == "com.amazonaws.us-east-1.s3"
    assert endpoint["vpcEndpointType"] == "Gateway"
    assert endpoint["routeTableIds"] == ["batch-workshop-public-id"]


def test_the_default_security_group_has_no_rules(graph: Graph) -> None:
    group = graph.one("aws:ec2/defaultSecurityGroup:DefaultSecurityGroup").inputs
    assert not {"ingress", "egress"} & group.keys()


def test_the_bucket_can_be_destroyed_with_results_in_it(graph: Graph) -> None:
    assert graph.one("aws:s3/bucket:Bucket").inputs["forceDestroy"] is True


@pytest.mark.parametrize(
    ("type_", "expected"),
    [
        pytest.param(
            "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
            {
                "blockPublicAcls": True,
                "blockPublicPolicy": True,
                "ignorePublicAcls": True,
                "restrictPublicBuckets": True,
            },
            id="nothing is public",
        ),
        pytest.param(
            "aws:s3/bucketOwnershipControls:BucketOwnershipControls",
            {"rule": {"objectOwnership": "BucketOwnerEnforced"}},
            id="no ACLs",
        ),
        pytest.param(
            "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
            {"rules": [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "AES256"}}]},
            id="encrypted",
        ),
    ],
)
def test_the_bucket_is_hardened(graph: Graph, type_: str, expected: dict[str, Any]) -> None:
    assert graph.one(type_).inputs == {"bucket": BUCKET, **expected}


def test_results_expire_and_cut_off_uploads_go(graph: Graph) -> None:
    rules = graph.one("aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration").inputs["rules"]
    results, uploads = rules
    assert (results["filter"], results["expiration"]) == ({"prefix": "output/"}, {"days": 7})
    assert uploads["abortIncompleteMultipartUpload"] == {"daysAfterInitiation": 1}


def test_roles_have_fixed_names_under_the_prefix(graph: Graph) -> None:
    names = {role.inputs["name"] for role in graph.all("aws:iam/role:Role")}
    assert names == {f"batch-workshop-{part}" for part in ("cluster", "node", "operator", "execution")}


def test_managed_policies_are_those_that_eks_asks_for_and_no_others(graph: Graph) -> None:
    attached = {
        (found.inputs["role"], found.inputs["policyArn"].rpartition("/")[2])
        for found in graph.all("aws:iam/rolePolicyAttachment:RolePolicyAttachment")
    }
    assert attached == {
        ("batch-workshop-cluster", "AmazonEKSClusterPolicy"),
        ("batch-workshop-node", "AmazonEKSWorkerNodePolicy"),
        ("batch-workshop-node", "AmazonEKS_CNI_Policy"),
        ("batch-workshop-node", "AmazonEC2ContainerRegistryPullOnly"),
    }


def test_the_cluster_is_pinned_reachable_by_few_and_leaves_nothing_behind(graph: Graph) -> None:
    cluster = graph.one("eks:index:Cluster").inputs
    expected = {
        "name": "batch-workshop",
        "version": "1.35",
        "upgradePolicy": {"supportType": "STANDARD"},
        "authenticationMode": "API",
        "endpointPublicAccess": True,
        "endpointPrivateAccess": True,
        "publicAccessCidrs": ["127.0.0.1/32"],
        "skipDefaultNodeGroup": True,
        "skipDefaultSecurityGroups": True,
        "createOidcProvider": False,
        "deletionProtection": False,
        "vpcId": "batch-workshop-vpc-id",
        "publicSubnetIds": ["batch-workshop-public-0-id", "batch-workshop-public-1-id"],
        "tags": {"Name": "batch-workshop"},
    }
    assert {key: cluster[key] for key in expected} == expected
    assert cluster["serviceRole"].endswith("::batch-workshop-cluster")


def test_the_creator_gets_no_access_entry_and_coredns_no_addon(graph: Graph) -> None:
    cluster = graph.one("eks:index:Cluster").inputs
    assert not cluster.get("accessEntries")
    assert "corednsAddonOptions" not in cluster


def test_other_administrators_get_access_entries() -> None:
    role = f"arn:aws:iam::{ACCOUNT}:role/ci"
    cluster = deploy(config={"adminPrincipals": [role]}).one("eks:index:Cluster").inputs
    (entry,) = cluster["accessEntries"].values()
    assert entry["principalArn"] == role
    (policy,) = entry["accessPolicies"].values()
    assert policy["policyArn"] == "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"


def test_an_administrators_entry_keeps_its_name_when_another_goes() -> None:
    first, second = f"arn:aws:iam::{ACCOUNT}:role/ci", f"arn:aws:iam::{ACCOUNT}:user/teacher"
    both, one = (
        deploy(config={"adminPrincipals": listed}).one("eks:index:Cluster").inputs["accessEntries"]
        for listed in ([first, second], [second])
    )
    assert len(both) == 2
    assert one == {name: entry for name, entry in both.items() if entry["principalArn"] == second}


def test_there_is_one_small_node(graph: Graph) -> None:
    nodes = graph.one("eks:index:ManagedNodeGroup").inputs
    assert nodes["scalingConfig"] == {"desiredSize": 1, "minSize": 1, "maxSize": 1}
    assert nodes["instanceTypes"] == ["t3.small"]
    assert nodes["amiType"] == "AL2023_x86_64_STANDARD"


def test_pod_identity_chart_and_policy_agree_on_one_service_account(graph: Graph) -> None:
    association = graph.one("aws:eks/podIdentityAssociation:PodIdentityAssociation").inputs
    release = graph.one("kubernetes:helm.sh/v3:Release").inputs
    assert association["namespace"] == release["namespace"] == "ack-system"
    assert association["serviceAccount"] == release["values"]["serviceAccount"]["name"]
    assert association["clusterName"] == graph.one("eks:index:Cluster").inputs["name"]


def test_the_operator_is_pinned_and_looks_after_transform_jobs_only(graph: Graph) -> None:
    release = graph.one("kubernetes:helm.sh/v3:Release").inputs
    assert release["chart"] == "localcloud/operator/chart"  # as Pulumi.local.yaml has it
    assert "repositoryOpts" not in release
    assert (release["version"], release["timeout"], release["createNamespace"]) == ("1.9.1", 600, True)
    assert release["values"]["aws"] == {"region": "us-east-1"}
    assert release["values"]["reconcile"] == {
        "resources": ["TransformJob"],
        "resourceMaxConcurrentSyncs": {"TransformJob": 10},
    }


def test_the_operator_has_rights_in_the_namespace_of_the_jobs_only(graph: Graph) -> None:
    values = graph.one("kubernetes:helm.sh/v3:Release").inputs["values"]
    assert (values["installScope"], values["watchNamespace"]) == ("namespace", "default")


def test_another_role_makes_another_pod(graph: Graph) -> None:
    values = graph.one("kubernetes:helm.sh/v3:Release").inputs["values"]
    role = graph.one("aws:iam/role:Role", "batch-workshop-operator")
    assert values["deployment"]["annotations"]["batch.workshop/role"].endswith(role.inputs["name"])


def test_an_operator_of_somebody_elses_gets_its_role_and_the_short_names() -> None:
    graph = deploy(config={"operatorInstall": "existing"})
    assert not graph.all("kubernetes:helm.sh/v3:Release")
    assert graph.one("aws:eks/podIdentityAssociation:PodIdentityAssociation")
    assert graph.one(PATCH)


def test_the_short_names_come_in_the_form_that_lasts(graph: Graph) -> None:
    patch = graph.one(PATCH)
    assert patch.inputs["metadata"]["name"] == "transformjobs.sagemaker.services.k8s.aws"
    annotations = patch.inputs["metadata"]["annotations"]
    assert annotations["pulumi.com/patchForce"] == "true"
    assert annotations["pulumi.com/patchFieldManager"] == "batch-workshop"
    assert patch.inputs["spec"] == {
        "group": "sagemaker.services.k8s.aws",
        "names": {"kind": "TransformJob", "shortNames": ["batchtransformjob", "batchtransformjobs", "btj"]},
    }
    assert list(patch.options.replaceOnChanges) == ["*"]
    assert patch.options.deleteBeforeReplace
    assert patch.options.retainOnDelete


def test_the_kubernetes_provider_is_this_clusters_and_takes_in_what_is_there(graph: Graph) -> None:
    provider = graph.one("pulumi:providers:kubernetes").inputs
    assert provider["clusterIdentifier"] == "batch-workshop"
    assert provider["upsertExistingObjects"] == "true"
    assert "deleteUnreachable" not in provider


def test_the_model_is_isolated_and_takes_its_archive_from_the_bucket(graph: Graph) -> None:
    model = graph.one("aws:sagemaker/model:Model")
    archive = graph.one("aws:s3/bucketObjectv2:BucketObjectv2", "batch-workshop-archive")
    container = model.inputs["primaryContainer"]
    assert model.inputs["enableNetworkIsolation"] is True
    assert container["image"].endswith("/sagemaker-xgboost:3.0-5")
    assert container["modelDataUrl"] == f"s3://{BUCKET}/{archive.inputs['key']}"
    assert "modelDataSource" not in container
    assert "vpcConfig" not in model.inputs
    assert model.options.deleteBeforeReplace


def test_an_own_image_is_taken_as_it_is() -> None:
    image = f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/own/model:7"
    graph = deploy(config={"modelImage": image})
    assert graph.one("aws:sagemaker/model:Model").inputs["primaryContainer"]["image"] == image


def test_the_churn_job_is_declared_in_the_workshops_words(graph: Graph) -> None:
    job = graph.one(JOB)
    spec = job.inputs["spec"]
    assert job.name == "churn"
    assert spec["modelName"] == graph.outputs["model_name"]
    assert spec["transformInput"]["contentType"] == "text/csv"
    assert (spec["transformInput"]["splitType"], spec["transformOutput"]["assembleWith"]) == ("Line", "Line")
    assert spec["transformResources"] == {"instanceType": "ml.m5.large", "instanceCount": 1}


def test_object_and_sagemaker_job_have_one_name_under_the_prefix(graph: Graph) -> None:
    job = graph.one(JOB).inputs
    name = job["spec"]["transformJobName"]
    assert job["metadata"]["name"] == name
    assert name.startswith("batch-workshop-churn-")
    assert job["spec"]["transformOutput"]["s3OutputPath"] == f"s3://{BUCKET}/output/{name}/"


def test_a_job_lives_in_the_default_namespace_under_its_declared_name(graph: Graph) -> None:
    metadata = graph.one(JOB).inputs["metadata"]
    assert metadata["namespace"] == "default"
    assert metadata["labels"]["batch-inference/job"] == "churn"


def test_a_job_is_adopted_waited_for_and_replaced_delete_first(graph: Graph) -> None:
    job = graph.one(JOB)
    annotations = job.inputs["metadata"]["annotations"]
    assert annotations["services.k8s.aws/adoption-policy"] == "adopt-or-create"
    assert annotations["pulumi.com/waitFor"].startswith("jsonpath={")
    assert job.options.deleteBeforeReplace
    assert job.options.customTimeouts.create == "30m"
    assert job.options.customTimeouts.delete == "20m"


def test_a_job_carries_project_stack_and_name(graph: Graph) -> None:
    tags = {tag["key"]: tag["value"] for tag in graph.one(JOB).inputs["spec"]["tags"]}
    assert tags == {"project": "sagemaker-batch-workshop", "stack": "local", "job": "churn"}


def test_the_input_is_uploaded_under_its_digest_and_kept_for_others(graph: Graph) -> None:
    upload = graph.one("aws:s3/bucketObjectv2:BucketObjectv2", "churn-input")
    prefix, digest, name = upload.inputs["key"].split("/")
    assert (prefix, name) == ("input", "batch_input.csv")
    assert len(digest) == 16
    assert upload.options.retainOnDelete


def test_outputs_are_those_that_people_rely_on(graph: Graph) -> None:
    assert set(graph.outputs) == {
        "bucket_name",
        "cluster_name",
        "kubeconfig",
        "model_name",
        "execution_role_arn",
        "operator_role_arn",
        "cost",
        "transform_jobs",
    }
    (churn,) = graph.outputs["transform_jobs"].values()
    assert set(churn) == {"job_name", "status", "input_path", "output_path", "result_path", "reason", "labels"}
    assert churn["status"] == "Completed"
    assert churn["result_path"] == f"{churn['output_path']}batch_input.csv.out"


def test_the_kubeconfig_is_a_secret_and_nothing_else_is(graph: Graph) -> None:
    assert graph.secrets == {"kubeconfig"}


def test_a_preview_registers_the_same_resources_and_knows_no_outputs(graph: Graph) -> None:
    preview = deploy(preview=True)
    assert preview.error is None
    assert preview.resources.keys() == graph.resources.keys()
    assert preview.outputs["transform_jobs"]["churn"]["status"] == "<unknown>"
    assert preview.outputs["cluster_name"] == "batch-workshop"
