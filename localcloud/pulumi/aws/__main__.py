"""`python -m localcloud.pulumi.aws <engine address>`: the process behind `pulumi-resource-aws`."""

from localcloud.pulumi import without_sdk

without_sdk()  # before anything imports a stub

from localcloud.pulumi.aws.provider import AwsProvider  # noqa: E402  it imports stubs
from localcloud.pulumi.aws.servicer import AwsServicer  # noqa: E402  it imports stubs
from localcloud.pulumi.server import serve  # noqa: E402  it imports stubs

serve(AwsServicer(AwsProvider()))
