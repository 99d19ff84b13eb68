"""`python -m localcloud.pulumi.aws <engine address>`: the process behind `pulumi-resource-aws`."""

from localcloud.pulumi.aws.provider import AwsProvider
from localcloud.pulumi.provider import Servicer
from localcloud.pulumi.server import serve

serve(Servicer(AwsProvider()))
