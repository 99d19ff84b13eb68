"""`python -m localcloud.pulumi.kubernetes <engine address>`: the process behind `pulumi-resource-kubernetes`."""

from localcloud.pulumi.kubernetes.provider import KubernetesProvider
from localcloud.pulumi.provider import Servicer
from localcloud.pulumi.server import serve

serve(Servicer(KubernetesProvider()))
