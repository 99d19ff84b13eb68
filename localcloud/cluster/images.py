"""The container images that a node can run: each stands for a program of this checkout.

This is the one place that says so. A node takes more from its command line (`--image PATTERN=COMMAND`), which is
how tests bring images of their own. The table's program stands in for the image's entrypoint: a container's `args`
are passed to it, and its `command`, which names a path inside the image, is not used.
"""

from __future__ import annotations

import fnmatch
import shlex
import sys
from collections.abc import Iterable, Mapping
from typing import Final

_OPERATOR: Final = (sys.executable, "-m", "localcloud.operator")

IMAGES: Final[Mapping[str, tuple[str, ...]]] = {
    "localcloud/sagemaker-operator:*": _OPERATOR,
    # ACK's own chart may be given as a folder: the local operator takes its controller's flags.
    "public.ecr.aws/aws-controllers-k8s/sagemaker-controller:*": _OPERATOR,
}


def parse(entries: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Image table entries of a command line, `PATTERN=COMMAND`, where the command is split as a shell would.

    Raises:
        ValueError: an entry is not of that form.
    """
    table: dict[str, tuple[str, ...]] = {}
    for entry in entries:
        pattern, _, command = entry.partition("=")
        if not pattern or not command.strip():
            raise ValueError(f"image {entry!r} must be PATTERN=COMMAND")
        table[pattern] = tuple(shlex.split(command))
    return table


def command_for(image: str, table: Mapping[str, tuple[str, ...]]) -> tuple[str, ...] | None:
    """The program that stands for an image, or None where there is none."""
    return next((command for pattern, command in table.items() if fnmatch.fnmatchcase(image, pattern)), None)


def refusal(image: str, table: Mapping[str, tuple[str, ...]]) -> str:
    """Why an image does not run, and which would."""
    return f"the image {image} cannot run in the local cloud, which has no container engine; it runs {', '.join(table)}"
