"""`cron(...)`, `rate(...)` and `at(...)`: parses them, checks them, and says whether they ever fire.

The grammar is the one of https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html. Days of the week
count from 1 for Sunday. A time that a change to daylight saving leaves out does not occur, and one that it repeats
occurs once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, available_timezones

LAST_YEAR = 2199

_FORM = re.compile(r"(cron|rate|at)\((.*)\)")
_RATE = re.compile(r"([1-9][0-9]*) (minute|hour|day)(s?)")
_AT = "%Y-%m-%dT%H:%M:%S"
_MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
_DAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]


class ExpressionError(ValueError):
    """An expression or a time zone that cannot be used. The message says what is allowed."""


@dataclass(frozen=True)
class Rate:
    """At a regular interval, counted from the schedule's start."""

    every: timedelta


@dataclass(frozen=True)
class At:
    """Once, at a local time."""

    when: datetime


@dataclass(frozen=True)
class Cron:
    """At local times by the calendar.

    Attributes:
        days: of the month: numbers; `L` is the last day, and `5W` the weekday nearest to the 5th.
        weekdays: 1 (Sunday) to 7; `6L`, the month's last Friday, and `6#2`, its second one, occur alone.
    """

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: tuple[int | str, ...] | None
    months: tuple[int, ...]
    weekdays: tuple[int | str, ...] | None
    years: tuple[int, ...]


Expression = Cron | Rate | At


def parse(text: str) -> Expression:
    """Read an expression.

    Raises:
        ExpressionError: it is not a schedule expression.
    """
    match = _FORM.fullmatch(text)
    if match is None:
        raise ExpressionError(
            f"'{text}' is not allowed. Allowed: cron(minutes hours day-of-month month day-of-week year), "
            "rate(number minutes|hours|days) or at(yyyy-mm-ddThh:mm:ss)"
        )
    return {"cron": _cron, "rate": _rate, "at": _at}[match[1]](match[2])


def zone(name: str) -> tzinfo:
    """Return a time zone by its IANA name.

    Raises:
        ExpressionError: there is no time zone of this name.
    """
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, ModuleNotFoundError, KeyError) as error:  # ZoneInfoNotFoundError is a KeyError
        raise _unknown_zone(name) from error


def problem(text: str, timezone: str, now: datetime) -> str | None:
    """Say why a schedule cannot be used: it cannot be parsed, its time zone does not exist, or it never fires.

    Args:
        text: the expression.
        timezone: an IANA name.
        now: an aware time; only later times count.
    """
    try:
        expression, where = parse(text), zone(timezone)
    except ExpressionError as error:
        return str(error)
    return (
        None if fires(expression, where, now) else f"'{text}' never fires after {now.astimezone(where):%Y-%m-%d %H:%M}"
    )


def fires(expression: Expression, where: tzinfo, now: datetime) -> bool:
    """Say whether a schedule fires at some time after `now`."""
    match expression:
        case Rate():
            return True
        case At(when=when):
            return occurs(when, where) and when.replace(tzinfo=where) > now
        case Cron():
            return any(_later(expression, day, where, now) for day in _days(expression, now.astimezone(where).date()))


def occurs(when: datetime, where: tzinfo) -> bool:
    """Say whether a local time exists: clocks that are put forward leave an hour out."""
    try:
        return when.replace(tzinfo=where).astimezone(UTC).astimezone(where).replace(tzinfo=None) == when
    except OverflowError:  # in UTC it is before the year 1 or after the year 9999
        return False


def _unknown_zone(name: str) -> ExpressionError:
    known = sorted(found for found in available_timezones() if found.rpartition("/")[2] == name.rpartition("/")[2])
    meant = f"; did you mean {known[0]}?" if known else ""
    return ExpressionError(
        f"the time zone '{name}' does not exist. Allowed: IANA's names, such as Europe/Berlin{meant}"
    )


def _later(expression: Cron, day: date, where: tzinfo, now: datetime) -> bool:
    times = (datetime(day.year, day.month, day.day, h, m) for h in expression.hours for m in expression.minutes)  # noqa: DTZ001  local times of a zone that follows
    return any(occurs(when, where) and when.replace(tzinfo=where) > now for when in times)


def _days(expression: Cron, start: date) -> Iterator[date]:
    for year in expression.years:
        for month in expression.months:
            if (year, month) >= (start.year, start.month):
                yield from (day for day in _month(year, month) if day >= start and _matches(expression, day))


def _month(year: int, month: int) -> list[date]:
    first = date(year, month, 1)
    return [day for day in (first + timedelta(number) for number in range(31)) if day.month == month]


def _matches(expression: Cron, day: date) -> bool:
    if expression.days is not None:
        return any(_is_day(entry, day) for entry in expression.days)
    return any(_is_weekday(entry, day) for entry in expression.weekdays or ())


def _is_day(entry: int | str, day: date) -> bool:
    if isinstance(entry, int):
        return day.day == entry
    month = _month(day.year, day.month)
    if entry == "L":
        return day == month[-1]
    return day == _nearest_weekday(month, month[min(int(entry[:-1]), len(month)) - 1])


def _nearest_weekday(month: Sequence[date], wanted: date) -> date:
    """Return the weekday nearest to a day, in the same month."""
    weekdays = [day for day in month if day.weekday() < 5]
    return min(weekdays, key=lambda day: abs((day - wanted).days))


def _is_weekday(entry: int | str, day: date) -> bool:
    number = day.isoweekday() % 7 + 1
    if isinstance(entry, int):
        return number == entry
    if entry.endswith("L"):
        return number == int(entry[:-1]) and (day + timedelta(7)).month != day.month
    weekday, _, nth = entry.partition("#")
    return number == int(weekday) and (day.day - 1) // 7 + 1 == int(nth)


def _rate(text: str) -> Rate:
    match = _RATE.fullmatch(text)
    if match is None or (match[1] == "1") == bool(match[3]):
        raise ExpressionError(
            f"'rate({text})' is not allowed. Allowed: rate(1 minute), rate(12 hours), rate(7 days): a whole number of "
            "minutes, hours or days, in the singular after 1"
        )
    try:
        return Rate(timedelta(**{f"{match[2]}s": int(match[1])}))
    except (OverflowError, ValueError) as error:  # Python refuses to read a number of thousands of digits
        raise ExpressionError(f"'rate({text})' is not allowed: the interval is too long") from error


def _at(text: str) -> At:
    error = ExpressionError(f"'at({text})' is not allowed. Allowed: at(yyyy-mm-ddThh:mm:ss)")
    try:
        when = datetime.strptime(text, _AT)  # noqa: DTZ007  a local time; the schedule has its zone
    except ValueError:
        raise error from None
    if when.isoformat() != text:  # strptime also accepts 2027-1-1T2:0:0
        raise error
    return At(when)


def _cron(text: str) -> Cron:
    fields = text.split()
    if len(fields) != 6:
        raise ExpressionError(
            f"'cron({text})' has {len(fields)} fields. Allowed: 6, for minutes, hours, day of the month, month, day of "
            "the week and year"
        )
    minutes, hours, days, months, weekdays, years = fields
    if (days == "?") == (weekdays == "?"):
        raise ExpressionError(
            f"'cron({text})' is not allowed. Allowed: a ? in either the day of the month or the day of the week, and "
            "in one of them only"
        )
    return Cron(
        _Field("minutes", 0, 59).numbers(minutes),
        _Field("hours", 0, 23).numbers(hours),
        None if days == "?" else _Field("day of the month", 1, 31).entries(days, r"L|([1-9]|[12][0-9]|3[01])W"),
        _Field("month", 1, 12, _MONTHS).numbers(months),
        None if weekdays == "?" else _Field("day of the week", 1, 7, _DAYS).entries(weekdays, r"[1-7]L|[1-7]#[1-5]"),
        _Field("year", 1970, LAST_YEAR).numbers(years),
    )


@dataclass(frozen=True)
class _Field:
    name: str
    low: int
    high: int
    words: Sequence[str] = ()

    def numbers(self, text: str) -> tuple[int, ...]:
        return tuple(sorted({number for part in text.split(",") for number in self._span(part)}))

    def entries(self, text: str, special: str) -> tuple[int | str, ...]:
        """Return the numbers, and unchanged the entries that depend on the calendar."""
        parts = [self._in_figures(part) for part in text.split(",")]
        words = [part for part in parts if re.fullmatch(special, part)]
        if self.words and words and len(parts) > 1:
            raise ExpressionError(f"{self.name}: '{text}' is not allowed. Allowed: a single day if it has # or L")
        plain = ",".join(part for part in parts if part not in words)
        return (*(self.numbers(plain) if plain or not words else ()), *words)

    def _in_figures(self, part: str) -> str:
        """Write the names of days in words such as FRI#2 and FRIL as numbers."""
        name = part[:3].upper()
        return f"{self._number(name)}{part[3:].upper()}" if name in self.words and part[3:4] in "#Ll" else part.upper()

    def _span(self, part: str) -> range:
        span, slash, step = part.partition("/")
        if slash and not re.fullmatch(r"[1-9][0-9]{0,3}", step):
            raise self._refused(part)
        first, dash, last = span.partition("-")
        if span == "*":
            low, high = self.low, self.high
        else:
            low = self._number(first)
            high = self._number(last) if dash else self.high if slash else low
        if low > high:
            raise self._refused(part)
        return range(low, high + 1, int(step or 1))

    def _number(self, text: str) -> int:
        if text.upper() in self.words:
            return self.words.index(text.upper()) + 1
        if not re.fullmatch(r"[0-9]{1,4}", text) or not self.low <= int(text) <= self.high:
            raise self._refused(text)
        return int(text)

    def _refused(self, text: str) -> ExpressionError:
        words = f" or {self.words[0]} to {self.words[-1]}" if self.words else ""
        return ExpressionError(f"{self.name}: '{text}' is not allowed. Allowed: {self.low} to {self.high}{words}")
