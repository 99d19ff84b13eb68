"""`python -m localcloud.plugins.kubernetes <engine address>`: the process behind `pulumi-resource-kubernetes`."""

from localcloud.plugins.kubernetes.provider import KubernetesProvider
from localcloud.plugins.provider import Servicer
from localcloud.plugins.server import serve

serve(Servicer(KubernetesProvider()))
