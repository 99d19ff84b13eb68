"""`python -m localcloud.plugins.aws <engine address>`: the process behind `pulumi-resource-aws`."""

from localcloud.plugins.aws.provider import AwsProvider
from localcloud.plugins.provider import Servicer
from localcloud.plugins.server import serve

serve(Servicer(AwsProvider()))
