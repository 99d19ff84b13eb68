"""The aws plugin's types except those for schedules, each with inputs, changes of the inputs, and outputs."""

from __future__ import annotations

import json
from typing import Any

from localcloud.pulumi.wire import Asset
from tests.localcloud.pulumi.case import Case
from tests.localcloud.pulumi.world import IMAGE, World, allow, cluster_inputs, trust

CASES = {
    "vpc": Case(
        "aws:ec2/vpc:Vpc",
        lambda w: {"cidrBlock": "10.1.0.0/16", "tags": {"Name": "one"}},
        lambda w: {"cidrBlock": "10.1.0.0/16", "enableDnsHostnames": True, "tags": {"Name": "two", "more": "yes"}},
        lambda w: {"cidrBlock": "10.2.0.0/16", "tags": {"Name": "one"}},
        {"enableDnsSupport": True, "tagsAll": {"Name": "one", "project": "workshop"}, "region": "us-east-1"},
    ),
    "subnet": Case(
        "aws:ec2/subnet:Subnet",
        lambda w: {"vpcId": w.vpc.id, "cidrBlock": "10.9.77.0/24", "availabilityZone": "us-east-1a"},
        lambda w: {
            "vpcId": w.vpc.id,
            "cidrBlock": "10.9.77.0/24",
            "availabilityZone": "us-east-1a",
            "mapPublicIpOnLaunch": True,
        },
        lambda w: {"vpcId": w.vpc.id, "cidrBlock": "10.9.77.0/24", "availabilityZone": "us-east-1b"},
        {"mapPublicIpOnLaunch": False, "availabilityZone": "us-east-1a"},
    ),
    "internet gateway": Case(
        "aws:ec2/internetGateway:InternetGateway",
        lambda w: {"tags": {"Name": "gate"}},
        lambda w: {"vpcId": w.other_vpc.id, "tags": {"Name": "gate"}},
        None,
    ),
    "route table": Case(
        "aws:ec2/routeTable:RouteTable",
        lambda w: {"vpcId": w.vpc.id, "tags": {"Name": "table"}},
        lambda w: {
            "vpcId": w.vpc.id,
            "tags": {"Name": "table"},
            "routes": [{"cidrBlock": "0.0.0.0/0", "gatewayId": w.gateway.id}],
        },
        lambda w: {"vpcId": w.other_vpc.id, "tags": {"Name": "table"}},
    ),
    "route": Case(
        "aws:ec2/route:Route",
        lambda w: {"routeTableId": w.table.id, "destinationCidrBlock": "192.0.2.0/24", "gatewayId": w.gateway.id},
        None,
        lambda w: {"routeTableId": w.table.id, "destinationCidrBlock": "192.0.3.0/24", "gatewayId": w.gateway.id},
        {"state": "active", "origin": "CreateRoute"},
        imported_as=lambda r: f"{r.inputs['routeTableId']}_192.0.2.0/24",
    ),
    "route of IPv6": Case(
        "aws:ec2/route:Route",
        lambda w: {
            "routeTableId": w.table.id,
            "destinationIpv6CidrBlock": "2001:db8::/32",
            "gatewayId": w.gateway.id,
        },
        imported_as=lambda r: f"{r.inputs['routeTableId']}_2001:db8::/32",
    ),
    "route table association": Case(
        "aws:ec2/routeTableAssociation:RouteTableAssociation",
        lambda w: {"routeTableId": w.table.id, "subnetId": w.subnets[0].id},
        None,
        lambda w: {"routeTableId": w.other_table.id, "subnetId": w.subnets[0].id},
        identity=lambda r: "rtbassoc-" + r.id.removeprefix("rtbassoc-"),
        imported_as=lambda r: f"{r.inputs['subnetId']}/{r.inputs['routeTableId']}",
    ),
    "gateway endpoint": Case(
        "aws:ec2/vpcEndpoint:VpcEndpoint",
        lambda w: {
            "vpcId": w.vpc.id,
            "serviceName": "com.amazonaws.us-east-1.s3",
            "routeTableIds": [w.table.id],
            "tags": {"Name": "s3"},
        },
        lambda w: {
            "vpcId": w.vpc.id,
            "serviceName": "com.amazonaws.us-east-1.s3",
            "routeTableIds": [w.table.id],
            "policy": json.dumps(
                {
                    "Version": "2012-10-17",
                    "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "*"}],
                }
            ),
            "tags": {"Name": "s3"},
        },
        lambda w: {"vpcId": w.other_vpc.id, "serviceName": "com.amazonaws.us-east-1.s3", "tags": {"Name": "s3"}},
        {"vpcEndpointType": "Gateway", "state": "available"},
    ),
    "default security group": Case(
        "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup",
        lambda w: {"vpcId": w.vpc.id},
        lambda w: {
            "vpcId": w.vpc.id,
            "egress": [{"protocol": "tcp", "fromPort": 443, "toPort": 443, "cidrBlocks": ["0.0.0.0/0"]}],
        },
        lambda w: {"vpcId": w.other_vpc.id},
        {"ingress": [], "egress": [], "name": "default"},
        stays=True,
    ),
    "bucket": Case(
        "aws:s3/bucket:Bucket",
        lambda w: {"tags": {"a": "1"}},
        lambda w: {"tags": {"b": "2"}, "forceDestroy": True},
        lambda w: {"bucket": "another-name-of-ours", "tags": {"a": "1"}},
        {"forceDestroy": False, "requestPayer": "BucketOwner", "bucketRegion": "us-east-1"},
        identity=lambda r: r.inputs["bucket"],
    ),
    "public access block": Case(
        "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
        lambda w: {"bucket": w.bucket.id, "blockPublicAcls": True},
        lambda w: {"bucket": w.bucket.id, "blockPublicAcls": True, "restrictPublicBuckets": True},
        lambda w: {"bucket": "some-other-bucket", "blockPublicAcls": True},
        {"blockPublicPolicy": False},
        identity=lambda r: r.inputs["bucket"],
    ),
    "ownership controls": Case(
        "aws:s3/bucketOwnershipControls:BucketOwnershipControls",
        lambda w: {"bucket": w.bucket.id, "rule": {"objectOwnership": "BucketOwnerEnforced"}},
        lambda w: {"bucket": w.bucket.id, "rule": {"objectOwnership": "BucketOwnerPreferred"}},
        identity=lambda r: r.inputs["bucket"],
    ),
    "encryption": Case(
        "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
        lambda w: {
            "bucket": w.bucket.id,
            "rules": [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "AES256"}}],
        },
        lambda w: {
            "bucket": w.bucket.id,
            "rules": [
                {"applyServerSideEncryptionByDefault": {"sseAlgorithm": "AES256"}, "bucketKeyEnabled": True},
            ],
        },
        identity=lambda r: r.inputs["bucket"],
        stays=True,  # S3 encrypts by its own key when nothing else is asked for
    ),
    "versioning": Case(
        "aws:s3/bucketVersioning:BucketVersioning",
        lambda w: {"bucket": w.bucket.id, "versioningConfiguration": {"status": "Enabled"}},
        lambda w: {"bucket": w.bucket.id, "versioningConfiguration": {"status": "Suspended"}},
        identity=lambda r: r.inputs["bucket"],
        stays=True,
    ),
    "lifecycle": Case(
        "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
        lambda w: {
            "bucket": w.bucket.id,
            "rules": [
                {"id": "out", "status": "Enabled", "filter": {"prefix": "output/"}, "expiration": {"days": 7}},
                {
                    "id": "all",
                    "status": "Enabled",
                    "filter": {},
                    "noncurrentVersionExpiration": {"noncurrentDays": 1},
                    "abortIncompleteMultipartUpload": {"daysAfterInitiation": 1},
                },
            ],
        },
        lambda w: {
            "bucket": w.bucket.id,
            "rules": [{"id": "out", "status": "Disabled", "filter": {"prefix": "output/"}, "expiration": {"days": 8}}],
        },
        identity=lambda r: r.inputs["bucket"],
    ),
    "bucket policy": Case(
        "aws:s3/bucketPolicy:BucketPolicy",
        lambda w: {"bucket": w.bucket.id, "policy": bucket_policy(w.bucket.id, "s3:GetObject")},
        lambda w: {"bucket": w.bucket.id, "policy": bucket_policy(w.bucket.id, "s3:PutObject")},
        identity=lambda r: r.inputs["bucket"],
    ),
    "object of text": Case(
        "aws:s3/bucketObjectv2:BucketObjectv2",
        lambda w: {"bucket": w.bucket.id, "key": "a/b.csv", "content": "1,2\n", "contentType": "text/csv"},
        lambda w: {"bucket": w.bucket.id, "key": "a/b.csv", "content": "1,3\n", "contentType": "text/plain"},
        lambda w: {"bucket": w.bucket.id, "key": "a/c.csv", "content": "1,2\n", "contentType": "text/csv"},
        {"contentType": "text/csv", "storageClass": "STANDARD"},
        identity=lambda r: f"{r.inputs['bucket']}/a/b.csv",
    ),
    "object of an asset": Case(
        "aws:s3/bucketObjectv2:BucketObjectv2",
        lambda w: {"bucket": w.bucket.id, "source": Asset(hash="1" * 64, text="hello"), "tags": {"k": "v"}},
        lambda w: {"bucket": w.bucket.id, "source": Asset(hash="2" * 64, text="hello you"), "tags": {"k": "w"}},
        None,
        {"tagsAll": {"k": "v", "project": "workshop"}},
        identity=lambda r: f"{r.inputs['bucket']}/object-of-an-asset",
    ),
    "role": Case(
        "aws:iam/role:Role",
        lambda w: {"assumeRolePolicy": trust("ec2.amazonaws.com"), "description": "one", "tags": {"a": "1"}},
        lambda w: {
            "assumeRolePolicy": trust("eks.amazonaws.com"),
            "description": "two",
            "maxSessionDuration": 7200,
            "tags": {"b": "1"},
        },
        lambda w: {"assumeRolePolicy": trust("ec2.amazonaws.com"), "name": "named", "tags": {"a": "1"}},
        {"path": "/", "maxSessionDuration": 3600},
        identity=lambda r: r.inputs["name"],
    ),
    "role policy": Case(
        "aws:iam/rolePolicy:RolePolicy",
        lambda w: {"role": w.role.id, "policy": allow("s3:GetObject")},
        lambda w: {"role": w.role.id, "policy": allow("s3:PutObject")},
        lambda w: {"role": w.role.id, "policy": allow("s3:GetObject"), "name": "named"},
        identity=lambda r: f"{r.inputs['role']}:{r.inputs['name']}",
    ),
    "role policy attachment": Case(
        "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
        lambda w: {"role": w.role.id, "policyArn": w.policy.outputs["arn"]},
        None,
        lambda w: {"role": w.role.id, "policyArn": "arn:aws:iam::aws:policy/AmazonEKSClusterPolicy"},
        identity=lambda r: f"{r.inputs['role']}/{r.inputs['policyArn']}",
    ),
    "policy": Case(
        "aws:iam/policy:Policy",
        lambda w: {"policy": allow("s3:GetObject"), "description": "one"},
        lambda w: {"policy": allow("s3:PutObject"), "description": "one", "tags": {"a": "1"}},
        lambda w: {"policy": allow("s3:GetObject"), "description": "two"},
        {"path": "/", "attachmentCount": 0},
        identity=lambda r: r.outputs["arn"],
    ),
    "cluster": Case(
        "aws:eks/cluster:Cluster",
        lambda w: cluster_inputs(w.role.outputs["arn"], w.group_subnets),
        lambda w: {
            **cluster_inputs(w.role.outputs["arn"], w.group_subnets),
            "vpcConfig": {
                "subnetIds": w.group_subnets,
                "endpointPublicAccess": True,
                "endpointPrivateAccess": True,
                "publicAccessCidrs": ["192.0.2.1/32"],
            },
            "tags": {"a": "1"},
        },
        lambda w: {**cluster_inputs(w.role.outputs["arn"], w.group_subnets), "name": "named"},
        {"status": "ACTIVE", "version": "1.35"},
        identity=lambda r: r.inputs["name"],
    ),
    "node group": Case(
        "aws:eks/nodeGroup:NodeGroup",
        lambda w: group_inputs(w, 1),
        lambda w: {**group_inputs(w, 2), "labels": {"team": "ml"}},
        lambda w: {**group_inputs(w, 1), "instanceTypes": ["t3.large"]},
        {"status": "ACTIVE", "capacityType": "ON_DEMAND"},
        identity=lambda r: f"{r.inputs['clusterName']}:{r.inputs['nodeGroupName']}",
    ),
    "add-on": Case(
        "aws:eks/addon:Addon",
        lambda w: {"clusterName": w.cluster.id, "addonName": "eks-pod-identity-agent"},
        lambda w: {"clusterName": w.cluster.id, "addonName": "eks-pod-identity-agent", "tags": {"a": "1"}},
        lambda w: {"clusterName": w.cluster.id, "addonName": "kube-proxy"},
        identity=lambda r: f"{r.inputs['clusterName']}:eks-pod-identity-agent",
    ),
    "pod identity association": Case(
        "aws:eks/podIdentityAssociation:PodIdentityAssociation",
        lambda w: {
            "clusterName": w.cluster.id,
            "namespace": "ack-system",
            "serviceAccount": "ack",
            "roleArn": w.role.outputs["arn"],
        },
        lambda w: {
            "clusterName": w.cluster.id,
            "namespace": "ack-system",
            "serviceAccount": "ack",
            "roleArn": w.role.outputs["arn"],
            "tags": {"a": "1"},
        },
        lambda w: {
            "clusterName": w.cluster.id,
            "namespace": "ack-system",
            "serviceAccount": "other",
            "roleArn": w.role.outputs["arn"],
        },
        identity=lambda r: r.outputs["associationId"],
        imported_as=lambda r: f"{r.inputs['clusterName']},{r.id}",
    ),
    "access entry": Case(
        "aws:eks/accessEntry:AccessEntry",
        lambda w: {"clusterName": w.cluster.id, "principalArn": w.role.outputs["arn"]},
        lambda w: {
            "clusterName": w.cluster.id,
            "principalArn": w.role.outputs["arn"],
            "kubernetesGroups": ["viewers"],
        },
        lambda w: {"clusterName": w.cluster.id, "principalArn": w.role.outputs["arn"], "type": "EC2_LINUX"},
        {"type": "STANDARD"},
        identity=lambda r: f"{r.inputs['clusterName']}:{r.inputs['principalArn']}",
    ),
    "model": Case(
        "aws:sagemaker/model:Model",
        lambda w: model_inputs(w),  # noqa: PLW0108  the function stands below
        lambda w: {**model_inputs(w), "tags": {"a": "1"}},
        lambda w: {**model_inputs(w), "enableNetworkIsolation": False},
        identity=lambda r: r.inputs["name"],
    ),
    "inference pipeline": Case(
        "aws:sagemaker/model:Model",
        lambda w: pipeline_inputs(w, "scale", "score"),
        lambda w: {**pipeline_inputs(w, "scale", "score"), "tags": {"a": "1"}},
        lambda w: pipeline_inputs(w, "score", "scale"),
        identity=lambda r: r.inputs["name"],
    ),
}


def bucket_policy(bucket: str, action: str) -> str:
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": action,
        "Resource": [f"arn:aws:s3:::{bucket}/nowhere/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def group_inputs(world: World, size: int) -> dict[str, Any]:
    return {
        "clusterName": world.cluster.id,
        "nodeRoleArn": world.role.outputs["arn"],
        "subnetIds": world.group_subnets,
        "scalingConfig": {"desiredSize": 1, "minSize": 1, "maxSize": size},
        "instanceTypes": ["t3.small"],
        "amiType": "AL2023_x86_64_STANDARD",
        "diskSize": 20,
        "version": "1.35",
    }


def model_inputs(world: World) -> dict[str, Any]:
    return {
        "executionRoleArn": world.role.outputs["arn"],
        "enableNetworkIsolation": True,
        "primaryContainer": {
            "image": IMAGE,
            "mode": "SingleModel",
            "modelDataUrl": f"s3://{world.bucket.id}/model/model.tar.gz",
            "environment": {"A": "b"},
        },
    }


def pipeline_inputs(world: World, *hostnames: str) -> dict[str, Any]:
    model = model_inputs(world)
    container = model.pop("primaryContainer")
    return {**model, "containers": [{**container, "containerHostname": name} for name in hostnames]}
