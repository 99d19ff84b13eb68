"""When schedules fire: the calendar, the time zones and daylight saving, compared with how the program reads them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.aws.scheduler.store import next_time
from schedules import expression

NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)


def times(text: str, timezone: str = "UTC", after: datetime = NOW, count: int = 3) -> list[str]:
    """The next times, in local time with its offset."""
    where, read = expression.zone(timezone), expression.parse(text)
    found: list[str] = []
    at: datetime | None = after
    while len(found) < count and (at := next_time(read, where, at, NOW)):
        found.append(at.astimezone(where).strftime("%Y-%m-%d %H:%M%z"))
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("cron(0 2 * * ? *)", ["2026-11-30 02:00+0000", "2026-12-01 02:00+0000"], id="nightly"),
        pytest.param("cron(0 2 L * ? *)", ["2026-11-30 02:00+0000", "2026-12-31 02:00+0000"], id="last day"),
        pytest.param("cron(0 2 2W * ? *)", ["2026-12-02 02:00+0000", "2027-01-01 02:00+0000"], id="near the 2nd"),
        pytest.param("cron(0 2 ? * 6L *)", ["2026-12-25 02:00+0000", "2027-01-29 02:00+0000"], id="last Friday"),
        pytest.param("cron(0 2 ? * 6#2 *)", ["2026-12-11 02:00+0000", "2027-01-08 02:00+0000"], id="second Friday"),
        pytest.param("cron(0 2 ? * SUN *)", ["2026-12-06 02:00+0000", "2026-12-13 02:00+0000"], id="Sundays"),
        pytest.param("cron(0 2 29 2 ? *)", ["2028-02-29 02:00+0000", "2032-02-29 02:00+0000"], id="leap days"),
        pytest.param("cron(0 2 29 2 ? 2096)", ["2096-02-29 02:00+0000"], id="one year"),
        pytest.param("cron(0 2 31 2 ? *)", [], id="never"),
        pytest.param("cron(0 2 1 1 ? 2150)", [], id="beyond the local cloud's life"),
        pytest.param("rate(12 hours)", ["2026-11-30 00:00+0000", "2026-11-30 12:00+0000"], id="rate"),
        pytest.param("at(2027-01-01T02:00:00)", ["2027-01-01 02:00+0000"], id="once"),
        pytest.param("at(2026-01-01T02:00:00)", [], id="past"),
    ],
)
def test_a_schedule_fires_by_the_calendar(text: str, expected: list[str]) -> None:
    assert times(text, count=2) == expected


def test_a_rate_fires_first_when_it_begins() -> None:
    assert next_time(expression.parse("rate(1 day)"), UTC, NOW - timedelta(seconds=1), NOW) == NOW


def test_a_time_that_is_skipped_in_spring_does_not_fire() -> None:
    before = datetime(2027, 3, 26, 12, 0, tzinfo=UTC)
    assert times("cron(30 2 * * ? *)", "Europe/Berlin", before) == [
        "2027-03-27 02:30+0100",
        "2027-03-29 02:30+0200",
        "2027-03-30 02:30+0200",
    ]
    assert times("at(2027-03-28T02:30:00)", "Europe/Berlin", before) == []


def test_a_time_that_is_repeated_in_autumn_fires_once() -> None:
    before = datetime(2027, 10, 30, 12, 0, tzinfo=UTC)
    assert times("cron(30 2 * * ? *)", "Europe/Berlin", before, count=2) == [
        "2027-10-31 02:30+0200",
        "2027-11-01 02:30+0100",
    ]
    assert times("cron(0/30 2-3 31 10 ? 2027)", "Europe/Berlin", before, count=9) == [
        "2027-10-31 02:00+0200",
        "2027-10-31 02:30+0200",
        "2027-10-31 03:00+0100",
        "2027-10-31 03:30+0100",
    ]


@pytest.mark.parametrize(
    ("text", "timezone"),
    [
        pytest.param("at(9999-12-31T23:59:59)", "America/New_York", id="after the last year"),
        pytest.param("at(0001-01-01T00:00:00)", "Asia/Tokyo", id="before the first year"),
    ],
)
def test_a_time_outside_the_years_that_utc_has_does_not_fire(text: str, timezone: str) -> None:
    assert times(text, timezone) == []
    assert expression.problem(text, timezone, NOW)


@pytest.mark.parametrize("days", [100_000_000, 999_999_999])
def test_the_longest_rates_fire_once(days: int) -> None:
    read = expression.parse(f"rate({days} days)")
    assert next_time(read, UTC, NOW - timedelta(seconds=1), NOW) == NOW
    assert next_time(read, UTC, NOW, NOW) is None


@pytest.mark.parametrize(("year", "expected"), [(2099, "2099-12-31 02:00"), (2100, None), (9999, None)])
def test_a_calendar_ends_with_the_year_2099(year: int, expected: str | None) -> None:
    start = datetime(year, 12, 30, tzinfo=UTC)
    found = next_time(expression.parse("cron(0 2 31 12 ? *)"), UTC, NOW, start)
    assert (found and found.strftime("%Y-%m-%d %H:%M")) == expected


def test_nothing_fires_after_its_end() -> None:
    read = expression.parse("rate(1 day)")
    assert next_time(read, UTC, NOW, NOW, end=NOW + timedelta(hours=23)) is None


DAYS = st.one_of(
    st.integers(1, 31).map(lambda day: (str(day), "?")),
    st.integers(1, 31).map(lambda day: (f"{day}W", "?")),
    st.just(("L", "?")),
    st.integers(1, 7).map(lambda day: ("?", str(day))),
    st.integers(1, 7).map(lambda day: ("?", f"{day}L")),
    st.tuples(st.integers(1, 7), st.integers(1, 5)).map(lambda pair: ("?", f"{pair[0]}#{pair[1]}")),
)


@given(
    hour=st.integers(0, 23),
    days=DAYS,
    month=st.one_of(st.just("*"), st.integers(1, 12).map(str)),
    year=st.one_of(st.just("*"), st.integers(2026, 2060).map(str)),
    timezone=st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Pacific/Apia"]),
)
def test_what_the_program_takes_for_firing_fires(
    hour: int, days: tuple[str, str], month: str, year: str, timezone: str
) -> None:
    text = f"cron(30 {hour} {days[0]} {month} {days[1]} {year})"
    where, read = expression.zone(timezone), expression.parse(text)
    found = next_time(read, where, NOW, NOW)
    assert (found is not None) == (expression.problem(text, timezone, NOW) is None)
    if found is not None:
        assert expression.fires(read, where, found - timedelta(seconds=1))
