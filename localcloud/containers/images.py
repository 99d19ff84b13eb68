"""Which image runs as which local process: the one place to register a container of your own.

There is no container engine here, so an image is not pulled: its URI is looked up in `IMAGES`, first match wins, and
the entry says which local program stands in for it. To bring your own container, add an entry with either

`command`  any program that serves the container contract, with its arguments; or
`module`   a Python module of this checkout whose `main()` serves it. It runs in a fork of a process that, when
           `preload` is true, has imported it already, and so serves within a fraction of a second.

The program is started as SageMaker starts an image, with the argument `serve`, and must answer `GET /ping` and
`POST /invocations` (and may answer `GET /execution-parameters`). Where a container differs from a local process it
is told by environment variables:

`SAGEMAKER_BIND_TO_PORT`  the port to listen on, on 127.0.0.1 (an image listens on 8080). Set SO_REUSEADDR on the
                          socket, as nearly every server does.
`SM_MODEL_DIR`            the folder of the unpacked model archive (an image finds it at /opt/ml/model)
`SM_NUM_CPUS`             how many processors the instance has

All three are names that SageMaker's own containers read. Beside them a process gets PATH, HOME, LANG, TMPDIR and the
working folder of a scratch folder of its own, `OMP_NUM_THREADS=1` (as SageMaker's containers set it), its entry's
`environment`, and the variables of the model and the job; nothing of the environment that this code runs in.

A changed entry holds from the local cloud's next start on: `make reset up`. What the program writes is in the job's log
stream: `kubectl smlogs batchtransformjob NAME` in `make shell`.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

from localcloud.containers.errors import UnknownImage

_EXAMPLES: Final = Path(__file__).parent / "examples"


@dataclass(frozen=True)
class Image:
    """One entry: images whose URI matches the pattern (`*` for anything) run as this program."""

    pattern: str
    module: str = ""
    command: tuple[str, ...] = ()
    preload: bool = False
    environment: Mapping[str, str] = field(default_factory=dict[str, str])


IMAGES: Final = (
    Image(
        "*.dkr.ecr.*.amazonaws.com*/sagemaker-xgboost:3.0-5*",
        module="localcloud.containers.xgboost.server",
        preload=True,
    ),
    Image(
        "*/logistic-regression-example:*",
        command=(sys.executable, str(_EXAMPLES / "logistic_regression.py")),
    ),
)


def find(uri: str, images: Sequence[Image] = IMAGES) -> Image:
    """The entry for an image.

    Raises:
        UnknownImage: there is none.
    """
    for image in images:
        if fnmatchcase(uri, image.pattern):
            return image
    known = ", ".join(image.pattern for image in images)
    raise UnknownImage(
        f"no local program stands in for the image {uri!r}; those that run here are {known}. "
        "Register yours in localcloud/containers/images.py"
    )
