"""Model containers as local processes: what a batch transform job starts, pings, invokes and stops.

`start` looks an image up among one's own (`own_images`) and SageMaker's (`images`), unpacks the model archive safely
(`archive`) and has the fork server (`zygote`, asked through `launcher`) become the container. `xgboost/` stands in for
SageMaker's XGBoost image, `scikit_learn/` for its scikit-learn images, `examples/` shows a container of one's own.
"""

from localcloud.containers.container import Container, prewarm, start
from localcloud.containers.errors import (
    BadModelArchive,
    BadRegistration,
    ContainerError,
    NeedsNetwork,
    NoEnvironment,
    StartError,
    UnknownImage,
)

__all__ = [
    "BadModelArchive",
    "BadRegistration",
    "Container",
    "ContainerError",
    "NeedsNetwork",
    "NoEnvironment",
    "StartError",
    "UnknownImage",
    "prewarm",
    "start",
]
