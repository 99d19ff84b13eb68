"""What the container reads from its environment, with the image's own names and defaults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self


@dataclass(frozen=True)
class Settings:
    port: int = 8080
    model_dir: Path = Path("/opt/ml/model")
    cpus: int = 1
    max_content_length: int = 6 * 2**20
    batch: bool = False
    ensemble: bool = True
    default_accept: str = "text/csv"
    selected: tuple[str, ...] | None = None  # keys of selectable inference, None when it is off

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Self:
        selected = environment.get("SAGEMAKER_INFERENCE_OUTPUT")
        return cls(
            port=int(environment.get("SAGEMAKER_BIND_TO_PORT", cls.port)),
            model_dir=Path(environment.get("SM_MODEL_DIR", cls.model_dir)),
            cpus=int(environment.get("SM_NUM_CPUS", cls.cpus)),
            max_content_length=int(environment.get("MAX_CONTENT_LENGTH", cls.max_content_length)),
            batch=bool(environment.get("SAGEMAKER_BATCH")),  # any text, as in the image
            ensemble=environment.get("SAGEMAKER_INFERENCE_ENSEMBLE", "true") == "true",
            default_accept=environment.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", cls.default_accept),
            selected=None if selected is None else tuple(selected.replace(" ", "").lower().split(",")),
        )
