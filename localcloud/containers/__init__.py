"""Model containers as local processes: what a batch transform job starts, pings, invokes and stops.

`start` looks an image up in the registry (`images`), unpacks the model archive safely (`archive`) and has the fork
server (`zygote`, asked through `launcher`) become the container. `xgboost/` stands in for SageMaker's XGBoost image,
`examples/` shows a container of one's own.
"""

from localcloud.containers.container import Container, prewarm, start
from localcloud.containers.errors import BadModelArchive, ContainerError, StartError, UnknownImage

__all__ = ["BadModelArchive", "Container", "ContainerError", "StartError", "UnknownImage", "prewarm", "start"]
