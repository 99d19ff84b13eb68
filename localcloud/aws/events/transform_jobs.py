"""SageMaker's events: `SageMaker Transform Job State Change` when a transform job begins, and when it has ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from localcloud.aws.events.bus import EventBus
from localcloud.aws.sagemaker.orders import JobListener, Order, TransformBackend

Describe = Callable[[str, str], Mapping[str, Any]]
"""Gives DescribeTransformJob's answer by region and job name."""


class AnnouncedTransforms:
    """Runs jobs elsewhere, and tells the bus of their changes.

    Args:
        transforms: runs the jobs.
        bus: hears of them.

    Attributes:
        describe: what the events say of a job; set when SageMaker is there to be asked.
    """

    def __init__(self, transforms: TransformBackend, bus: EventBus) -> None:
        self.describe: Describe = lambda _region, name: {"TransformJobName": name}
        self._transforms = transforms
        self._bus = bus

    def start(self, order: Order, listener: JobListener, /) -> None:
        self._announce(order)
        self._transforms.start(order, _Announcing(listener, lambda: self._announce(order)))

    def stop(self, arn: str, /) -> None:
        self._transforms.stop(arn)

    def warm(self) -> None:
        self._transforms.warm()

    def close(self) -> None:
        self._transforms.close()

    def _announce(self, order: Order) -> None:
        detail = self.describe(order.region, str(order.request["TransformJobName"]))
        self._bus.put("aws.sagemaker", "SageMaker Transform Job State Change", [order.arn], detail)


class _Announcing:
    """Tells of a job's end once its record has it."""

    def __init__(self, listener: JobListener, announce: Callable[[], None]) -> None:
        self._listener = listener
        self._announce = announce

    def started(self, arn: str, /) -> None:
        self._listener.started(arn)

    def ended(self, arn: str, status: str, reason: str | None, /) -> None:
        self._listener.ended(arn, status, reason)
        self._announce()
