"""The packages in SageMaker's scikit-learn images, as the public sources of the images name them.

The sources are the image definitions and requirements that AWS publishes: the branches 0.23-1, 1.0-1, 1.2-1 and the tags
v1.2-1-1 and v1.4-2 of sagemaker-scikit-learn-container, and docker/sklearn/1.9-0 of deep-learning-containers, whose lock
file names every package. The other sources name Python, scikit-learn, numpy, scipy and pandas only; 1.4-2 requires
scipy 1.9 or newer without naming a version. Versions that they leave open are pinned here to ones that were current when
the image was made and that have wheels for its Python.

Tags that are not listed do not run here. 0.20.0 needs Python 3.6, or packages too old to have wheels; for 1.4-2-py312
the two public sources name different versions of scikit-learn (1.4.2 and 1.5.0).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Versions:
    """One image.

    Attributes:
        tag: the image's tag without `-cpu-py3`.
        python: the feature release of Python, such as "3.10".
        packages: every package of the environment, pinned.
    """

    tag: str
    python: str
    packages: tuple[str, ...]

    @property
    def digest(self) -> str:
        """Changes with everything that affects the environment."""
        return hashlib.sha256(repr((self.python, self.packages)).encode()).hexdigest()[:12]

    def __str__(self) -> str:
        return f"Python {self.python}, {', '.join(package.replace('==', ' ') for package in self.packages[:2])}"


_NAMED: Final = ("scikit-learn", "numpy", "scipy", "pandas", "joblib", "threadpoolctl")
_LEFT_OPEN: Final = ("python-dateutil==2.8.2", "pytz==2025.2", "six==1.16.0", "tzdata==2025.2")
_NEWER: Final = (
    *("narwhals==2.24.0", "python-dateutil==2.9.0.post0", "pytz==2026.2", "six==1.17.0", "tzdata==2026.3"),
)


def _image(tag: str, python: str, versions: str, others: tuple[str, ...] = _LEFT_OPEN) -> Versions:
    named = (f"{name}=={version}" for name, version in zip(_NAMED, versions.split(), strict=True))
    return Versions(tag, python, (*named, *others))


VERSIONS: Final = (
    _image("0.23-1", "3.7", "0.23.2 1.19.2 1.5.3 1.1.3 1.3.2 3.1.0"),
    _image("1.0-1", "3.8", "1.0.2 1.24.1 1.8.0 1.1.3 1.4.2 3.5.0"),
    _image("1.2-1", "3.9", "1.2.1 1.24.1 1.8.0 1.1.3 1.5.3 3.6.0"),
    _image("1.2-1-1", "3.10", "1.2.1 1.24.1 1.9.3 1.5.3 1.5.3 3.6.0"),
    _image("1.4-2", "3.10", "1.4.2 2.1.0 1.15.3 2.3.2 1.5.3 3.6.0"),
    _image("1.9-0", "3.12", "1.9.0 2.5.1 1.18.0 2.2.3 1.5.3 3.6.0", _NEWER),
)
