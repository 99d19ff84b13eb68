"""The life of a job: which status may follow which."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.batch_transform.job import JobState, JobStatus

EVENTS = st.lists(st.sampled_from(["start", "stop", "complete", "fail"]), max_size=8)


def apply(state: JobState, event: str) -> None:
    if event == "start":
        state.start()
    elif event == "stop":
        state.stop()
    else:
        state.end(JobStatus.COMPLETED if event == "complete" else JobStatus.FAILED, "ClientError: x")


@pytest.mark.parametrize(
    ("events", "status"),
    [
        pytest.param([], JobStatus.IN_PROGRESS, id="created"),
        pytest.param(["start", "complete"], JobStatus.COMPLETED, id="completed"),
        pytest.param(["start", "fail"], JobStatus.FAILED, id="failed"),
        pytest.param(["fail"], JobStatus.FAILED, id="failed before it started"),
        pytest.param(["start", "stop"], JobStatus.STOPPING, id="stopping"),
        pytest.param(["start", "stop", "complete"], JobStatus.STOPPED, id="completed while stopping"),
        pytest.param(["start", "stop", "fail"], JobStatus.STOPPED, id="failed while stopping"),
        pytest.param(["start", "complete", "stop"], JobStatus.COMPLETED, id="stopped too late"),
        pytest.param(["start", "complete", "fail"], JobStatus.COMPLETED, id="ended twice"),
    ],
)
def test_events_lead_to_a_status(events: list[str], status: JobStatus) -> None:
    state = JobState()
    for event in events:
        apply(state, event)
    assert state.status is status


@given(EVENTS)
def test_an_ended_job_never_changes_and_only_a_failed_one_has_a_reason(events: list[str]) -> None:
    state = JobState()
    for event in events:
        before = (state.status, state.ended)
        apply(state, event)
        assert not before[0].final or before == (state.status, state.ended)
    assert (state.reason is not None) == (state.status is JobStatus.FAILED)
    assert (state.ended is not None) == state.status.final


@given(EVENTS)
def test_times_are_in_order_and_in_milliseconds(events: list[str]) -> None:
    state = JobState()
    for event in events:
        apply(state, event)
    times = [time for time in (state.created, state.started, state.ended) if time is not None]
    assert times == sorted(times)
    assert all(time.microsecond % 1000 == 0 for time in (*times, state.modified))
    assert state.modified - state.created >= timedelta()


def test_a_clock_that_is_set_back_leaves_times_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    state = JobState()
    state.start()
    monkeypatch.setattr("localcloud.batch_transform.job._now", lambda: state.created - timedelta(hours=1))
    state.stop()
    state.end(JobStatus.STOPPED)
    assert state.created <= (state.started or state.created) <= (state.ended or state.created) == state.modified


def test_a_reason_is_at_most_1024_characters_long() -> None:
    state = JobState()
    state.end(JobStatus.FAILED, "x" * 2000)
    assert state.reason == "x" * 1024
