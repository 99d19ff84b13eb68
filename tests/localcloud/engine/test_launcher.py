"""The wait for a program's outputs, which stands before the SDK's own."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass, field
from typing import Any

import pytest

from localcloud.engine.launcher import settled


@dataclass
class Outputs:
    """The part of the SDK's settings that the wait reads: outputs leave it when they are known, not when they fail."""

    lock: threading.RLock = field(default_factory=threading.RLock)
    outputs: set[asyncio.Future[Any]] = field(default_factory=set[asyncio.Future[Any]])

    def add(self) -> asyncio.Future[Any]:
        output: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.outputs.add(output)
        output.add_done_callback(lambda done: None if done.exception() else self.outputs.discard(done))
        return output


@pytest.fixture
def known() -> Outputs:
    return Outputs()


def test_a_program_without_outputs_is_settled(known: Outputs) -> None:
    asyncio.run(asyncio.wait_for(settled(known), 60))


def test_outputs_made_meanwhile_are_waited_for(known: Outputs) -> None:
    async def program() -> tuple[bool, bool]:
        first = known.add()
        waiting = asyncio.ensure_future(settled(known))
        await asyncio.sleep(0)
        second = known.add()
        first.set_result(1)
        await asyncio.sleep(0.01)
        early = waiting.done()
        second.set_result(2)
        await asyncio.wait_for(waiting, 60)
        return early, waiting.done()

    assert asyncio.run(program()) == (False, True)


@pytest.mark.parametrize("made", [pytest.param("before", id="before"), pytest.param("meanwhile", id="meanwhile")])
def test_a_failed_output_ends_the_wait_for_others_and_stays_to_be_found(known: Outputs, made: str) -> None:
    async def program() -> bool:
        endless = known.add()
        failing = known.add() if made == "before" else None
        waiting = asyncio.ensure_future(settled(known))
        await asyncio.sleep(0)
        failing = failing or known.add()
        failing.set_exception(ValueError("no such thing"))
        await asyncio.wait_for(waiting, 60)
        return failing in known.outputs and not endless.done()

    assert asyncio.run(program())
