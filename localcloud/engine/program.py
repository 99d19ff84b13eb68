"""The process in which the user's program runs."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from localcloud.engine.errors import EngineError
from localcloud.process import preexec_die_with_parent

_LAUNCHER = Path(__file__).with_name("launcher.py")
SHOWN = 32


class Program:
    """A program that has been started; it waits for `run` before it does anything."""

    def __init__(self, process: asyncio.subprocess.Process, show: Callable[[str], None]) -> None:
        self._process = process
        self._readers = [
            asyncio.create_task(_read(stream, show)) for stream in (process.stdout, process.stderr) if stream
        ]

    @classmethod
    async def start(cls, python: str, directory: Path, show: Callable[[str], None]) -> Program:
        """Start the interpreter; it loads the SDK meanwhile.

        Raises:
            EngineError: there is no such interpreter.
        """
        if not directory.is_dir():  # noqa: ASYNC240  one look at a local folder
            raise EngineError(f"the folder of the program, {directory}, does not exist: see 'main' in Pulumi.yaml")
        try:
            process = await asyncio.create_subprocess_exec(
                python,
                "-u",
                str(_LAUNCHER),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env={**os.environ, "no_grpc_proxy": "127.0.0.1,localhost"},
                cwd=directory,
                limit=1 << 20,
                start_new_session=True,
                preexec_fn=preexec_die_with_parent,
            )
        except OSError as error:
            raise EngineError(f"the program's interpreter {python} cannot be started: {error.strerror}") from error
        return cls(process, show)

    async def run(self, order: dict[str, Any]) -> None:
        """Tell the program to begin."""
        assert self._process.stdin is not None  # noqa: S101  it was asked for
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._process.stdin.write(json.dumps(order).encode() + b"\n")
            await self._process.stdin.drain()

    async def wait(self) -> int:
        """Wait for the program's end and for the last of its output; its exit code."""
        code = await self._process.wait()
        await asyncio.wait(self._readers, timeout=1.0)
        return code

    async def stop(self, grace: float) -> None:
        """End the program with whatever it started, when it does not end by itself within the grace."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._process.wait(), grace)
        for number in (signal.SIGTERM, signal.SIGKILL):
            if self._process.returncode is not None:
                break
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), 2.0)
        for reader in self._readers:
            reader.cancel()


async def _read(stream: asyncio.StreamReader, show: Callable[[str], None]) -> None:
    """Show what the program prints, line by line; a line too long comes in pieces."""
    rest = b""
    while chunk := await stream.read(65536):
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            show(line.decode(errors="replace"))
    if rest:
        show(rest.decode(errors="replace"))
