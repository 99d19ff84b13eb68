"""How many jobs run at once."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from localcloud.aws.sagemaker.turns import Turns
from localcloud.batch_transform.cancellation import Cancellation
from localcloud.batch_transform.errors import Stopped


def most_at_once(turns: Turns, jobs: int) -> int:
    """How many of several short jobs had a turn at the same time."""
    lock, inside, most = threading.Lock(), 0, 0

    def job() -> None:
        nonlocal inside, most
        with turns.one(Cancellation()):
            with lock:
                inside += 1
                most = max(most, inside)
            time.sleep(0.01)
            with lock:
                inside -= 1

    with ThreadPoolExecutor(jobs) as pool:
        for done in [pool.submit(job) for _ in range(jobs)]:
            done.result()
    return most


def test_no_more_than_the_count_have_a_turn_at_once() -> None:
    assert most_at_once(Turns(2, 60), jobs=16) == 2


def test_jobs_that_never_end_hold_up_nobody() -> None:
    turns, over = Turns(1, 0.05), threading.Event()

    def hang() -> None:
        with turns.one(Cancellation()):
            over.wait(30)

    with ThreadPoolExecutor(4) as pool:
        hanging = [pool.submit(hang) for _ in range(3)]
        try:
            with turns.one(Cancellation()):
                assert not any(job.done() for job in hanging)
        finally:
            over.set()


def test_a_turn_that_ran_out_is_given_back_once() -> None:
    turns = Turns(1, 0.05)
    with turns.one(Cancellation()), turns.one(Cancellation()):  # the second comes when the first has run out
        pass
    turns._seconds = 60
    assert most_at_once(turns, jobs=4) == 1


def test_who_is_stopped_while_it_waits_does_not_wait_on_and_takes_no_turn() -> None:
    turns, cancellation = Turns(1, 60), Cancellation()
    with ThreadPoolExecutor(1) as pool, turns.one(Cancellation()):
        waiting = pool.submit(turns.one(cancellation).__enter__)
        cancellation.cancel()
        with pytest.raises(Stopped):
            waiting.result(60)
    assert most_at_once(turns, jobs=4) == 1


def test_turns_come_in_the_order_in_which_they_were_asked_for() -> None:
    turns, order = Turns(1, 60), list[int]()

    def job(number: int) -> None:
        with turns.one(Cancellation()):
            order.append(number)

    with ThreadPoolExecutor(9) as pool, turns.one(Cancellation()):
        for number in range(9):
            pool.submit(job, number)
            while len(turns._waiting) <= number:
                time.sleep(0.001)
    assert order == list(range(9))
