"""Model containers as local processes, which a batch transform job starts, pings, invokes and stops.

`start` looks an image up (`images`), unpacks the model archive safely (`archive`), and lets the fork server (`zygote`, over
`launcher`) fork a process that becomes the container. `xgboost/` replaces SageMaker's XGBoost image, `scikit_learn/` its
scikit-learn images, and `examples/` has a container to copy for your own.
"""

from localcloud.containers.container import Container, prewarm, start
from localcloud.containers.images import ContainerError

__all__ = ["Container", "ContainerError", "prewarm", "start"]
