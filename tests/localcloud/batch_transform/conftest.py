"""Runs jobs of the pure data plane on a store in memory and model containers in this process."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from localcloud.batch_transform.job import Cancellation, Split, Transform
from localcloud.batch_transform.run import Outcome, RunContext, run_transform
from tests.localcloud.batch_transform.doubles import Behaviour, MemoryLogs, MemoryStore, ModelDouble, each_line

_USUAL: Mapping[str, Any] = {
    "input_uri": "s3://b/in/",
    "output_uri": "s3://b/out",
    "content_type": "text/csv",
    "accept": "text/csv",
    "split": Split.LINE,
    "assemble_line": True,
}


@dataclass
class Result:
    """What a job left behind."""

    outcome: Outcome
    store: MemoryStore
    logs: MemoryLogs
    models: list[ModelDouble] = field(default_factory=list[ModelDouble])

    @property
    def outputs(self) -> dict[str, bytes]:
        return {key: data for (_, key), data in self.store.objects.items() if key.endswith(".out")}

    @property
    def bodies(self) -> list[bytes]:
        """All bodies that models got; in order only where one request is open at a time."""
        return [body for model in self.models for body in model.bodies]


class Plane:
    """Runs jobs; keyword arguments are fields of `Transform` that differ from the usual ones.

    A pipeline has a behaviour for each of the job's containers.
    """

    def __init__(self) -> None:
        self.cancellation = Cancellation()

    def run(
        self,
        objects: Mapping[str, bytes],
        behaviour: Behaviour | None = None,
        *,
        pipeline: Sequence[Behaviour] = (),
        model: Mapping[str, Any] | None = None,
        store: MemoryStore | None = None,
        ping_limit: float = 30,
        **job: Any,
    ) -> Result:
        store = store or MemoryStore({("b", key): data for key, data in objects.items()})
        result = Result(Outcome("Failed"), store, MemoryLogs())  # pyright: ignore[reportArgumentType] replaced below

        answers = pipeline or [behaviour or each_line()]

        def start(number: int, environment: Mapping[str, str], log: Callable[[bytes], None]) -> ModelDouble:
            log(b"started")
            double = ModelDouble(answers[number], environment=environment, **(model or {}))
            result.models.append(double)
            return double

        context = RunContext(
            source=store,
            sink=store,
            logs=result.logs,
            start_container=start,
            cancellation=self.cancellation,
            ping_limit_seconds=ping_limit,
        )
        result.outcome = run_transform(Transform(**{**_USUAL, **job}), context)
        return result


@pytest.fixture
def plane() -> Plane:
    return Plane()
