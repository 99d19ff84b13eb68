"""The work queue: no key twice at a time, delays that double, and nothing forgotten."""

from __future__ import annotations

from localcloud.operator.resource import Key
from localcloud.operator.work_queue import WorkQueue

A, B = Key("default", "a"), Key("default", "b")


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def drained(queue: WorkQueue) -> list[Key]:
    """All keys that are ready."""
    keys: list[Key] = []
    end = Key("", "end")
    for _ in range(2):  # what is due joins behind the first end
        queue.add(end)
        while (key := queue.get()) != end:
            assert key is not None
            keys.append(key)
            queue.done(key)
        queue.done(end)
    return keys


def test_a_key_added_twice_comes_once() -> None:
    queue = WorkQueue()
    for key in (A, B, A):
        queue.add(key)
    assert drained(queue) == [A, B]


def test_a_key_that_is_worked_on_comes_again_afterwards() -> None:
    queue = WorkQueue()
    queue.add(A)
    assert queue.get() == A
    queue.add(A)
    assert drained(queue) == []
    queue.done(A)
    assert drained(queue) == [A]


def test_a_key_for_later_comes_when_it_is_due() -> None:
    clock = Clock()
    queue = WorkQueue(clock)
    queue.add_after(A, 30)
    queue.add_after(A, 10)
    assert drained(queue) == []
    clock.now = 10.0
    assert drained(queue) == [A]
    clock.now = 60.0
    assert drained(queue) == []


def test_a_key_looked_at_now_is_not_due_any_more() -> None:
    clock = Clock()
    queue = WorkQueue(clock)
    queue.add_after(A, 30)
    queue.add(A)
    assert drained(queue) == [A]
    clock.now = 60.0
    assert drained(queue) == []


def test_the_delay_doubles_with_each_failure_up_to_a_limit() -> None:
    queue = WorkQueue(Clock())
    delays = [queue.add_rate_limited(A) for _ in range(14)]
    assert delays[:4] == [0.005, 0.01, 0.02, 0.04]
    assert delays[-1] == 10.0


def test_success_makes_the_next_delay_short_again() -> None:
    queue = WorkQueue(Clock())
    for _ in range(5):
        queue.add_rate_limited(A)
    queue.forget(A)
    assert queue.add_rate_limited(A) == 0.005


def test_many_failing_keys_are_tried_less_often() -> None:
    queue = WorkQueue(Clock())
    keys = [Key("default", str(number)) for number in range(100)]
    delays = [queue.add_rate_limited(key) for _ in range(14) for key in keys]
    assert max(delays) == 30.0


def test_a_queue_that_is_shut_down_gives_workers_no_more_keys() -> None:
    queue = WorkQueue()
    queue.shut_down()
    assert queue.get() is None
