"""Schedule expressions: those that can be read, those that are refused, and those that never fire."""

from datetime import UTC, datetime

import pytest

from schedules import expression
from schedules.expression import At, Cron, ExpressionError, Rate

NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)


def test_a_nightly_cron_is_read_into_its_fields() -> None:
    assert expression.parse("cron(0 2 * * ? *)") == Cron(
        minutes=(0,),
        hours=(2,),
        days=tuple(range(1, 32)),
        months=tuple(range(1, 13)),
        weekdays=None,
        years=tuple(range(1970, 2200)),
    )


@pytest.mark.parametrize(
    ("text", "weekdays"),
    [
        pytest.param("cron(0 2 ? * MON-FRI *)", (2, 3, 4, 5, 6), id="names"),
        pytest.param("cron(0 2 ? * 1,7 *)", (1, 7), id="numbers from Sunday"),
        pytest.param("cron(0 2 ? * fri#2 *)", ("6#2",), id="the second Friday"),
        pytest.param("cron(0 2 ? * 6L *)", ("6L",), id="the last Friday"),
        pytest.param("cron(0 2 ? * MON/3 *)", (2, 5), id="from Monday, each third"),
    ],
)
def test_days_of_the_week_count_from_sunday(text: str, weekdays: tuple[int | str, ...]) -> None:
    read = expression.parse(text)
    assert isinstance(read, Cron)
    assert (read.days, read.weekdays) == (None, weekdays)


def test_rates_and_times_are_read() -> None:
    assert expression.parse("rate(12 hours)") == Rate(expression.timedelta(hours=12))
    assert expression.parse("at(2027-01-01T00:00:00)") == At(datetime(2027, 1, 1))  # noqa: DTZ001


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("0 2 * * ? *", "Allowed: cron(", id="no form"),
        pytest.param("cron(0 2 * * ?)", "has 5 fields", id="no year"),
        pytest.param("cron(0 2 * * * *)", "a ? in either", id="both days"),
        pytest.param("cron(0 2 ? * ? *)", "a ? in either", id="no day"),
        pytest.param("cron(60 2 * * ? *)", "minutes: '60' is not allowed. Allowed: 0 to 59", id="minute 60"),
        pytest.param("cron(0 24 * * ? *)", "hours: '24'", id="hour 24"),
        pytest.param("cron(0 2 ? * 0 *)", "day of the week: '0' is not allowed. Allowed: 1 to 7 or SUN to SAT", id="0"),
        pytest.param("cron(0 2 32W * ? *)", "day of the month", id="near no day"),
        pytest.param("cron(0 2 ? * 6#6 *)", "day of the week", id="sixth Friday"),
        pytest.param("cron(0 2 ? * 6#1,6#3 *)", "a single day if it has # or L", id="two of the month's Fridays"),
        pytest.param("cron(5-1 2 * * ? *)", "minutes: '5-1'", id="backwards"),
        pytest.param("cron(*/0 2 * * ? *)", "minutes: '*/0'", id="no step"),
        pytest.param("cron(, 2 * * ? *)", "minutes: ''", id="empty"),
        pytest.param("cron(0 2 * * ? 1969)", "year: '1969'", id="long ago"),
        pytest.param("rate(1 hours)", "in the singular after 1", id="one hours"),
        pytest.param("rate(2 hour)", "in the singular after 1", id="two hour"),
        pytest.param("rate(0 days)", "rate(0 days)", id="never"),
        pytest.param("rate(99999999999999 days)", "the interval is too long", id="overflow"),
        pytest.param(f"rate({'9' * 5000} days)", "the interval is too long", id="more digits than Python reads"),
        pytest.param("rate(٢ hours)", "a whole number of minutes", id="a rate in Arabic digits"),
        pytest.param("cron(0 ٢ * * ? *)", "hours: '٢'", id="an hour in Arabic digits"),
        pytest.param("at(2027-02-30T00:00:00)", "at(yyyy-mm-ddThh:mm:ss)", id="no date"),
        pytest.param("at(2027-1-1T2:0:0)", "at(yyyy-mm-ddThh:mm:ss)", id="a date without leading zeros"),
    ],
)
def test_an_invalid_expression_is_refused_with_what_is_allowed(text: str, said: str) -> None:
    with pytest.raises(ExpressionError) as refused:
        expression.parse(text)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("cron(0 2 31 2 ? *)", id="the 31st of February"),
        pytest.param("cron(0 2 * * ? 2025)", id="last year"),
        pytest.param("cron(0 11 29 11 ? 2026)", id="an hour ago"),
        pytest.param("cron(0 2 29 2 ? 2027)", id="no leap year"),
        pytest.param("at(2026-11-29T11:59:59)", id="a second ago"),
    ],
)
def test_a_schedule_that_never_fires_is_refused(text: str) -> None:
    assert expression.problem(text, "UTC", NOW) == f"'{text}' never fires after 2026-11-29 12:00"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("cron(30 2 28 3 ? 2027)", id="cron"),
        pytest.param("at(2027-03-28T02:30:00)", id="at"),
    ],
)
def test_a_time_that_daylight_saving_leaves_out_never_comes(text: str) -> None:
    assert "never fires" in (expression.problem(text, "Europe/Berlin", NOW) or "")
    assert expression.problem(text, "UTC", NOW) is None


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("cron(0 2 * * ? *)", id="nightly"),
        pytest.param("cron(0 2 29 2 ? *)", id="in leap years"),
        pytest.param("cron(0 13 29 11 ? 2026)", id="in an hour"),
        pytest.param("cron(0 2 L * ? *)", id="last day"),
        pytest.param("cron(0 2 15W * ? *)", id="weekday nearest to the 15th"),
        pytest.param("cron(0 2 ? * 2#5 *)", id="fifth Monday"),
        pytest.param("rate(5 minutes)", id="rate"),
        pytest.param("at(2026-11-29T12:00:01)", id="in a second"),
    ],
)
def test_a_schedule_that_fires_is_no_problem(text: str) -> None:
    assert expression.problem(text, "UTC", NOW) is None


@pytest.mark.parametrize(
    ("text", "timezone"),
    [
        pytest.param("at(0001-01-01T00:00:00)", "Asia/Tokyo", id="before the year 1 in UTC"),
        pytest.param("at(9999-12-31T23:59:59)", "America/New_York", id="after the year 9999 in UTC"),
    ],
)
def test_a_time_beyond_the_calendar_never_comes(text: str, timezone: str) -> None:
    assert "never fires" in (expression.problem(text, timezone, NOW) or "")


def test_an_unknown_time_zone_is_refused_with_a_near_one() -> None:
    said = expression.problem("rate(1 day)", "Germany/Berlin", NOW)
    assert said is not None
    assert "the time zone 'Germany/Berlin' does not exist" in said
    assert "did you mean Europe/Berlin?" in said
    assert "does not exist" in (expression.problem("rate(1 day)", "../../etc/passwd", NOW) or "")
