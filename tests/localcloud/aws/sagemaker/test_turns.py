"""How many jobs run at once."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

from localcloud.aws.sagemaker.turns import Turns


def most_at_once(turns: Turns, jobs: int) -> int:
    """How many of several short jobs had a turn at the same time."""
    lock, inside, most = threading.Lock(), 0, 0

    def job() -> None:
        nonlocal inside, most
        with turns.one():
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
        with turns.one():
            over.wait(30)

    with ThreadPoolExecutor(4) as pool:
        hanging = [pool.submit(hang) for _ in range(3)]
        try:
            with turns.one():
                assert not any(job.done() for job in hanging)
        finally:
            over.set()


def test_a_turn_that_ran_out_is_given_back_once() -> None:
    turns = Turns(1, 0.05)
    with turns.one(), turns.one():  # the second comes when the first has run out
        pass
    turns._seconds = 60
    assert most_at_once(turns, jobs=4) == 1
