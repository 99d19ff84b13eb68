"""The arguments of a SageMaker model, in SageMaker's words, and their limits: one container, or a pipeline of several.

The same arguments describe the stack's model and the one that a job brings with it.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from infra import archive
from infra.problems import NamedArguments

XGBOOST = "sagemaker-xgboost:3.0-5"
"""The image of a container for which none is given."""

SCRIPT = {"SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code"}
"""The variables by which SageMaker's scikit-learn container finds its script, with their usual values."""

PIPELINE = (2, 15)  # how many containers an inference pipeline may have
MAX_ENVIRONMENT = 100
MAX_VALUE = 1024  # characters of a variable's value

_REGISTRY = re.compile(r"\d{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com(\.cn)?/[a-z0-9][a-z0-9._/-]*[:@][\w.:-]+")
_SAGEMAKERS_OWN = re.compile(r"sagemaker-[a-z0-9-]+:\w[\w.-]*")
_VARIABLE = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]{0,1023}")
_HOSTNAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")
IMAGES_ALLOWED = "an ECR image URI with a tag, or one of SageMaker's own as repository:tag, such as sagemaker-scikit-learn:1.4-2-cpu-py3"


@dataclass(frozen=True)
class ContainerArgs(NamedArguments):
    """A container of a model.

    Attributes:
        archive: the path of a model.tar.gz, from the program's folder; None for a container without one.
        image: an ECR image URI, or `repository:tag` for one of SageMaker's own; by default XGBoost 3.0-5.
        environment: variables that the container starts with.
        container_hostname: the container's name within a pipeline and in its logs; SageMaker makes one by default.
    """

    also_called = {  # noqa: RUF012  a ClassVar by its declaration
        "modeldata": "archive",
        "modeldataurl": "archive",
        "modeldatasource": "archive",
        "imageuri": "image",
        "env": "environment",
        "name": "container_hostname",
    }

    archive: str | None = None
    image: str = ""
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    container_hostname: str | None = None

    @property
    def uses_xgboost(self) -> bool:
        """Whether the container is SageMaker's XGBoost, which reads numbers only."""
        return not self.image or "sagemaker-xgboost:" in self.image


@dataclass(frozen=True)
class ModelArgs(ContainerArgs):
    """A model of one container or, with `containers`, an inference pipeline, in which each container reads the answer of the
    one before.

    Attributes:
        containers: 2 to 15; archive, image, environment and hostname are then given for each of them.
        network_isolation: whether the containers have no network. One that installs code/requirements.txt needs it.

    Example:
        ModelArgs(archive="risk.tar.gz")
        ModelArgs(containers=(ContainerArgs(archive="scale.tar.gz", image="..."), ContainerArgs(archive="risk.tar.gz")))
    """

    also_called = {**ContainerArgs.also_called, "enablenetworkisolation": "network_isolation"}  # noqa: RUF012  as above

    containers: Sequence[ContainerArgs] = ()
    network_isolation: bool = True

    @property
    def parts(self) -> tuple[ContainerArgs, ...]:
        """The containers, in the order in which a record passes through them."""
        return tuple(self.containers) or (self,)

    @property
    def private_images(self) -> list[str]:
        """The images that the execution role must be allowed to pull; SageMaker pulls those of its own itself."""
        return [part.image for part in self.parts if part.image and not is_sagemakers_own(part.image)]

    def problems(self, root: Path = Path()) -> list[str]:
        """Say everything that SageMaker or this stack does not allow; paths are relative to `root`."""
        found = list(self._pipeline_problems()) if self.containers else []
        for number, part in enumerate(self.parts):
            where = f"containers[{number}]." if self.containers else ""
            found += [f"{where}{problem}" for problem in self._part_problems(part, root)]
        return found

    def script_problems(self, environment: Mapping[str, str]) -> Iterator[str]:
        """Say which containers would find no script; a job's environment is added to that of each container."""
        for part in self.parts:
            missing = [name for name in SCRIPT if name not in {**part.environment, **environment}]
            if missing and part.image.startswith("sagemaker-scikit-learn:"):
                yield (
                    f"environment: {part.image} finds no script without {' and '.join(missing)}. "
                    f"Allowed: a script in the archive, such as code/inference.py, with environment={SCRIPT}"
                )

    def _pipeline_problems(self) -> Iterator[str]:
        least, most = PIPELINE
        if not least <= len(self.containers) <= most:
            yield f"containers: {len(self.containers)} in an inference pipeline. Allowed: {least} to {most}"
        if self.archive or self.image or self.environment or self.container_hostname:
            yield "containers: archive, image, environment and container_hostname belong in each container, not beside `containers`"
        names = [part.container_hostname for part in self.containers if part.container_hostname]
        if len(set(names)) < len(names):
            yield "containers: two have the same container_hostname. Allowed: a name of its own for each"

    def archive_problem(self, part: ContainerArgs, root: Path = Path()) -> str | None:
        """Say what is wrong with the archive of one of the containers; None if it is valid."""
        if not part.archive:
            needed = "has no value. Allowed: the path of a model.tar.gz, which the XGBoost container needs"
            return needed if part.uses_xgboost else None
        return archive.problem(root / part.archive, built_in=part.uses_xgboost, isolated=self.network_isolation)

    def _part_problems(self, part: ContainerArgs, root: Path) -> Iterator[str]:
        if part.image and not is_image(part.image):
            yield f"image: '{part.image}' is not allowed. Allowed: {IMAGES_ALLOWED}"
        if problem := self.archive_problem(part, root):
            yield f"archive: {problem}"
        yield from environment_problems(part.environment, MAX_ENVIRONMENT, MAX_VALUE)
        if part.container_hostname is not None and not _HOSTNAME.fullmatch(part.container_hostname):
            yield f"container_hostname: '{part.container_hostname}' is not allowed. Allowed: letters, digits and -, up to 63"


def environment_problems(variables: Mapping[str, str], most: int, longest: int) -> Iterator[str]:
    """Say which of a container's variables SageMaker does not allow; a value may have `longest` characters."""
    if len(variables) > most:
        yield f"environment: {len(variables)} entries. Allowed: at most {most}"
    for name, value in variables.items():
        if not _VARIABLE.fullmatch(name) or len(value) > longest:
            allowed = f"names of letters, digits and _, values up to {longest} characters"
            yield f"environment: '{name}' is not allowed. Allowed: {allowed}"


def is_image(text: str) -> bool:
    """Say whether a text is an ECR image URI, or a repository and tag of SageMaker's own images."""
    return _REGISTRY.fullmatch(text) is not None or is_sagemakers_own(text)


def is_sagemakers_own(image: str) -> bool:
    """Say whether an image is named without a registry; SageMaker's registry of the stack's region then has it."""
    return _SAGEMAKERS_OWN.fullmatch(image) is not None
