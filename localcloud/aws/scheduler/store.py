"""What EventBridge Scheduler remembers: groups, and the schedules in them with the time at which each fires next."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from localcloud.aws.protocol.wire import AwsError
from localcloud.aws.scheduler.timing import next_time
from schedules import expression

DEFAULT_GROUP = "default"
Shown = dict[str, Any]


@dataclass
class Schedule:
    """A schedule as GetSchedule shows it, and when it fires."""

    shown: Shown
    fires_at: datetime | None = None

    @property
    def name(self) -> str:
        return str(self.shown["Name"])

    @property
    def group(self) -> str:
        return str(self.shown["GroupName"])

    def aim(self, after: datetime) -> None:
        """Find the next time to fire after another."""
        shown = self.shown
        self.fires_at = None
        if shown["State"] == "ENABLED":
            self.fires_at = next_time(
                expression.parse(shown["ScheduleExpression"]),
                expression.zone(shown["ScheduleExpressionTimezone"]),
                after,
                shown.get("StartDate") or shown["CreationDate"],
                shown.get("EndDate"),
            )


@dataclass
class Group:
    """A schedule group."""

    shown: Shown
    tags: dict[str, str] = field(default_factory=dict[str, str])
    schedules: dict[str, Schedule] = field(default_factory=dict[str, Schedule])


@dataclass
class Store:
    """The groups of one region. Hold `changed` while reading or changing; it is notified of every change."""

    account_id: str
    region: str
    changed: threading.Condition = field(default_factory=threading.Condition)
    groups: dict[str, Group] = field(default_factory=dict[str, Group])

    def __post_init__(self) -> None:
        self.add_group(DEFAULT_GROUP, {})

    def add_group(self, name: str, tags: Mapping[str, str]) -> Group:
        """Make a group.

        Raises:
            AwsError: there is one of this name.
        """
        if name in self.groups:
            raise AwsError("ConflictException", f"Schedule group {name} already exists.", 409)
        moment = now()
        times = {"CreationDate": moment, "LastModificationDate": moment}
        shown = {"Name": name, "Arn": self.arn("schedule-group", name), "State": "ACTIVE", **times}
        self.groups[name] = Group(shown, dict(tags))
        return self.groups[name]

    def group(self, name: str) -> Group:
        """Return a group.

        Raises:
            AwsError: there is none of this name.
        """
        if name not in self.groups:
            raise _missing(f"Schedule group {name} does not exist.")
        return self.groups[name]

    def group_of_arn(self, arn: str) -> Group:
        """Return a group by its ARN.

        Raises:
            AwsError: there is none.
        """
        found = next((group for group in self.groups.values() if group.shown["Arn"] == arn), None)
        if found is None:
            raise _missing(f"{arn} does not exist.")
        return found

    def schedule(self, group: str, name: str) -> Schedule:
        """Return a schedule.

        Raises:
            AwsError: there is none of this name in the group.
        """
        if name not in self.group(group).schedules:
            raise _missing(f"Schedule {name} does not exist.")
        return self.groups[group].schedules[name]

    def all(self) -> list[Schedule]:
        """Every schedule."""
        return [schedule for group in self.groups.values() for schedule in group.schedules.values()]

    def arn(self, kind: str, name: str) -> str:
        return f"arn:aws:scheduler:{self.region}:{self.account_id}:{kind}/{name}"


def now() -> datetime:
    """Now, in whole milliseconds."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def _missing(message: str) -> AwsError:
    return AwsError("ResourceNotFoundException", message, 404)
