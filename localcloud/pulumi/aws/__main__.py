"""`python -m localcloud.pulumi.aws <engine address>`: the process behind `pulumi-resource-aws`."""

from functools import partial

from localcloud.pulumi import without_sdk

without_sdk()  # before anything imports a stub

from pulumi.runtime.proto.provider_pb2_grpc import add_ResourceProviderServicer_to_server  # noqa: E402  a stub

from localcloud.pulumi.aws.provider import AwsProvider  # noqa: E402  it imports stubs
from localcloud.pulumi.aws.servicer import AwsServicer  # noqa: E402  it imports stubs
from localcloud.pulumi.server import end_with_parent, serve  # noqa: E402  it imports stubs

end_with_parent()
# Each creation blocks a thread, possibly for minutes.
serve(partial(add_ResourceProviderServicer_to_server, AwsServicer(AwsProvider())), threads=512)
