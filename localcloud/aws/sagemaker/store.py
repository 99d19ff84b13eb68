"""What SageMaker remembers of a region: models and transform jobs."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from localcloud.batch_transform.state import JobState

Tags = dict[str, str]


@dataclass
class ModelRecord:
    """A model as it was created."""

    name: str
    arn: str
    request: Mapping[str, Any]
    tags: Tags
    creation_time: datetime = field(default_factory=lambda: datetime.now(UTC))


@dataclass
class JobRecord:
    """A transform job: its request never changes, its state does."""

    name: str
    arn: str
    request: Mapping[str, Any]
    tags: Tags
    state: JobState


class Store:
    """The resources of one region; hold `lock` while reading more than one or changing any."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.models: dict[str, ModelRecord] = {}
        self.jobs: dict[str, JobRecord] = {}

    def tags_of(self, arn: str) -> Tags | None:
        """The tags of a model or job, None where there is no such resource."""
        found = (record for record in (*self.models.values(), *self.jobs.values()) if record.arn == arn)
        return next((record.tags for record in found), None)
