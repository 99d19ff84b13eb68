"""When a schedule fires next: croniter reads the calendar, the zone database the clocks.

EventBridge Scheduler skips a local time that a change to daylight saving leaves out, and fires once at one that it
repeats: https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html#daylist-savings-time. croniter has
rules of its own for both, so it is asked in local time without a zone, and its answers are placed in the zone here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, tzinfo

from croniter import CroniterBadDateError, croniter

from schedules.expression import At, Cron, Expression, Rate, occurs

LAST_YEAR = 2099
"""The last that croniter knows; AWS goes on for a century, which no local cloud lives to see."""


def next_time(
    expression: Expression, where: tzinfo, after: datetime, start: datetime, end: datetime | None = None
) -> datetime | None:
    """Return the first time to fire, None when there is no more.

    Args:
        expression: the schedule's.
        where: its time zone.
        after: an aware time; only later times count.
        start: when it begins; a rate fires then for the first time.
        end: after which it fires no more.
    """
    match expression:
        case Rate(every=every):
            passed = max((after - start) // every + 1, 0)
            found: datetime | None = start + passed * every
        case At(when=when):
            found = _placed(when, where)
        case Cron():
            found = next((time for time in _cron_times(expression, where, max(after, start))), None)
    if found is None or found <= after or (end is not None and found > end):
        return None
    return found.astimezone(UTC)


def _cron_times(expression: Cron, where: tzinfo, after: datetime) -> Iterator[datetime]:
    if expression.years[0] > LAST_YEAR:
        return
    begin = after.astimezone(where).replace(tzinfo=None)
    times = croniter(_crontab(expression), begin, max_years_between_matches=LAST_YEAR - after.year)
    try:
        while True:
            placed = _placed(times.get_next(datetime), where)
            if placed is not None and placed > after:
                yield placed
    except CroniterBadDateError:
        return


def _placed(when: datetime, where: tzinfo) -> datetime | None:
    """Return a local time in its zone: the first of two, none where the clocks jump over it."""
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
    """Return years as a span where they are one: croniter expands each entry of a list anew."""
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
