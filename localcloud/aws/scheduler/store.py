"""EventBridge Scheduler's records: groups, and the schedules in them with the time at which each fires next.

At a change to daylight saving, EventBridge Scheduler skips a local time that is left out, and fires once at one that is
repeated: https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html#daylist-savings-time. croniter has
rules of its own for both, so it is asked in local time without a zone, and its answers are placed in the zone here.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from croniter import CroniterBadDateError, croniter

from localcloud.aws.protocol.wire import AwsError
from schedules import expression
from schedules.expression import At, Cron, Expression, Rate, occurs

DEFAULT_GROUP = "default"
Shown = dict[str, Any]

LAST_YEAR = 2099
"""The last year that croniter knows; AWS accepts years up to 2199."""


@dataclass
class Schedule:
    """A schedule.

    Attributes:
        shown: the answer of GetSchedule; it never changes, because an update makes another schedule.
        fires_at: when the schedule fires next; None if it fires no more.
    """

    shown: Shown
    fires_at: datetime | None = None

    @property
    def name(self) -> str:
        return self.shown["Name"]

    @property
    def group(self) -> str:
        return self.shown["GroupName"]

    def set_next(self, after: datetime) -> None:
        """Set `fires_at` to the first time after another; a schedule that is disabled has none."""
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
    """The groups of one region. Hold `changed` while you read or change them, and notify it of each change."""

    account_id: str
    region: str
    changed: threading.Condition = field(default_factory=threading.Condition)
    groups: dict[str, Group] = field(default_factory=dict[str, Group])

    def __post_init__(self) -> None:
        self.add_group(DEFAULT_GROUP, {})

    def add_group(self, name: str, tags: Mapping[str, str]) -> Group:
        """Create a group.

        Raises:
            AwsError: a group has this name already.
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
            AwsError: no group has this name.
        """
        if name not in self.groups:
            raise _missing(f"Schedule group {name} does not exist.")
        return self.groups[name]

    def schedule(self, group: str, name: str) -> Schedule:
        """Return a schedule.

        Raises:
            AwsError: no schedule in the group has this name.
        """
        if name not in self.group(group).schedules:
            raise _missing(f"Schedule {name} does not exist.")
        return self.groups[group].schedules[name]

    def all(self) -> list[Schedule]:
        """Return every schedule of every group."""
        return [schedule for group in self.groups.values() for schedule in group.schedules.values()]

    def arn(self, kind: str, name: str) -> str:
        return f"arn:aws:scheduler:{self.region}:{self.account_id}:{kind}/{name}"


def now() -> datetime:
    """Return the time now, in whole milliseconds."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def _missing(message: str) -> AwsError:
    return AwsError("ResourceNotFoundException", message, 404)


def next_time(
    expression: Expression, where: tzinfo, after: datetime, start: datetime, end: datetime | None = None
) -> datetime | None:
    """Return the next time at which a schedule fires; None if it fires no more.

    Args:
        expression: the schedule's expression.
        where: its time zone.
        after: an aware time; only later times count.
        start: an aware time; a rate fires then for the first time.
        end: an aware time, after which the schedule fires no more.
    """
    match expression:
        case Rate(every=every):
            found = _rate_time(every, after, start)
        case At(when=when):
            found = _placed(when, where)
        case Cron():
            found = next(_cron_times(expression, where, max(after, start)), None)
    if found is None or found <= after or (end is not None and found > end):
        return None
    return found.astimezone(UTC)


def _rate_time(every: timedelta, after: datetime, start: datetime) -> datetime | None:
    passed = max((after - start) // every + 1, 0)
    try:
        return start + passed * every
    except OverflowError:
        return None  # it would be after the year 9999


def _cron_times(expression: Cron, where: tzinfo, after: datetime) -> Iterator[datetime]:
    if max(expression.years[0], after.year) > LAST_YEAR:
        return
    begin = after.astimezone(where).replace(tzinfo=None)
    times = croniter(_crontab(expression), begin, max_years_between_matches=LAST_YEAR + 1 - after.year)
    try:
        while True:
            placed = _placed(times.get_next(datetime), where)
            if placed is not None and placed > after:
                yield placed
    except CroniterBadDateError:
        return


def _placed(when: datetime, where: tzinfo) -> datetime | None:
    """Return a local time in its zone: the first of two, or None if the clocks skip it."""
    return when.replace(tzinfo=where, fold=0) if occurs(when, where) else None


def _crontab(expression: Cron) -> str:
    """Return croniter's form: Sunday is 0, the fields are minute, hour, day, month, weekday, second and year."""
    fields = [
        _listed(expression.minutes),
        _listed(expression.hours),
        "*" if expression.days is None else _listed(expression.days),
        _listed(expression.months),
        "*" if expression.weekdays is None else ",".join(_weekday(entry) for entry in expression.weekdays),
        "0",
        _years(expression.years),
    ]
    return " ".join(fields)


def _listed(entries: Iterable[int | str]) -> str:
    return ",".join(map(str, entries))


def _years(years: Sequence[int]) -> str:
    """Return consecutive years as a range, because croniter expands each entry of a list again."""
    reached = [year for year in years if year <= LAST_YEAR]
    whole = len(reached) > 1 and len(reached) == reached[-1] - reached[0] + 1
    return f"{reached[0]}-{reached[-1]}" if whole else _listed(reached)


def _weekday(entry: int | str) -> str:
    if isinstance(entry, int):
        return str(entry - 1)
    if entry.endswith("L"):
        return f"L{int(entry[:-1]) - 1}"
    weekday, _, nth = entry.partition("#")
    return f"{int(weekday) - 1}#{nth}"
