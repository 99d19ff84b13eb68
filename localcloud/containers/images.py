"""Which image runs as which local process.

There is no container engine here, so an image is not pulled: its URI is looked up, first match wins, in the containers
of one's own (`own_images`), then in the stand-ins for SageMaker's images that are listed here. An entry says which
local program stands in for the image: a `command`; a `module` of this checkout whose `main()` serves and which runs in
a fork of a process that, when `preload` is true, has imported it already, and so serves within a fraction of a second;
or the `versions` of one of SageMaker's scikit-learn images, whose environment is made when it is first needed.

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
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Final

from localcloud.containers.errors import UnknownImage
from localcloud.containers.scikit_learn.versions import VERSIONS, Versions

SET_BY_US: Final = ("SAGEMAKER_BIND_TO_PORT", "SM_MODEL_DIR", "SM_NUM_CPUS")


@dataclass(frozen=True)
class Image:
    """One entry: images whose URI matches the pattern (`*` for anything) run as this program."""

    pattern: str
    module: str = ""
    command: tuple[str, ...] = ()
    preload: bool = False
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    versions: Versions | None = None


IMAGES: Final = (
    Image(
        "*.dkr.ecr.*.amazonaws.com*/sagemaker-xgboost:3.0-5*",
        module="localcloud.containers.xgboost.server",
        preload=True,
    ),
    *(
        Image(f"*.dkr.ecr.*.amazonaws.com*/sagemaker-scikit-learn:{versions.tag}-cpu-py3*", versions=versions)
        for versions in VERSIONS
    ),
)


def find(uri: str, images: Sequence[Image], file: str) -> Image:
    """The entry for an image.

    Args:
        uri: the image's URI.
        images: the entries, in the order in which they count.
        file: where a user registers more, for the message.

    Raises:
        UnknownImage: no entry matches.
    """
    for image in images:
        if fnmatchcase(uri, image.pattern):
            return image
    known = ", ".join(image.pattern for image in images)
    raise UnknownImage(
        f"no local program stands in for the image {uri!r}; register yours in {file} "
        f"(docs/local-cloud.md says how). Those that run here are {known}"
    )
