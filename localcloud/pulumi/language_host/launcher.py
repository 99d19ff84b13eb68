"""Runs a Pulumi Python program. Started by the engine; reads what to run, as one line of JSON, from its standard input.

Loading the SDK takes most of the start, so this happens before the line is awaited, while the engine starts itself. It
is run as a file by the interpreter of the program's virtual environment, and so imports nothing of the engine.
"""

from __future__ import annotations

import sys

# The folder of this file is the engine's, not the program's: its modules must not shadow those of the same names.
sys.path[:] = [place for place in sys.path if place != __file__.rpartition("/")[0]]

import asyncio  # noqa: E402
import contextlib  # noqa: E402
import gc  # noqa: E402
import json  # noqa: E402
import logging  # noqa: E402
import os  # noqa: E402
import runpy  # noqa: E402
import traceback  # noqa: E402
from concurrent.futures import ThreadPoolExecutor  # noqa: E402

SHOWN = 32  # the exit code that says: the user has been told why
LOOK_AGAIN = 0.2  # seconds until outputs that were made meanwhile are looked at too
# The SDKs make a million objects that stay. Looked through at Python's own pace they cost a third of the program's time.
RARELY = (100_000, 50, 100)


def main() -> int:
    try:
        import pulumi  # noqa: PLC0415  its absence is explained
        import pulumi.runtime  # noqa: PLC0415
    except ImportError as error:
        print(
            f"the program's interpreter {sys.executable} has no Pulumi SDK ({error}): "
            "install the project's requirements into the virtual environment that Pulumi.yaml names",
            file=sys.stderr,
        )
        return 1
    line = sys.stdin.readline()
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    if not line:
        return 0  # there is nothing to run after all
    order = json.loads(line)
    pulumi.runtime.set_all_config(order["config"], order["secret_keys"])
    pulumi.runtime.configure(pulumi.runtime.Settings(**order["settings"]))
    # The engine shows no debug messages, and the SDK would wait for each of several a resource to be taken.
    pulumi.log.debug = lambda *_, **__: None
    os.chdir(order["directory"])
    sys.argv = [order["entry"], *order["arguments"]]
    os.environ["PULUMI_CONFIG"] = json.dumps(order["config"])
    os.environ["PULUMI_CONFIG_SECRET_KEYS"] = json.dumps(order["secret_keys"])
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    executor = ThreadPoolExecutor(max_workers=max(order["settings"]["parallel"], 1) * 4)
    loop.set_default_executor(executor)
    # A program that fails leaves futures unobserved; what asyncio says of them would bury the cause.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    try:
        return run(pulumi, loop, order["entry"])
    finally:
        executor.shutdown(wait=True)
        loop.close()


def run(pulumi, loop, entry) -> int:  # noqa: ANN001  # pyright: ignore[reportMissingParameterType,reportUnknownParameterType]  the SDK of the program's own environment
    """Run the program until all it registered is done, and say how it ended."""
    try:
        loop.run_until_complete(pulumi.runtime.run_in_stack(lambda: program(entry, pulumi.runtime.settings.SETTINGS)))
    except pulumi.RunError as error:
        pulumi.log.error(str(error))  # noqa: TRY400  no logger of Python's
        return SHOWN
    except ImportError as error:
        if entry == "." and not os.path.exists("__main__.py"):  # noqa: PTH110  no more imports than needed
            pulumi.log.error(f"unable to find main python program `__main__.py` in `{os.getcwd()}`")  # noqa: G004, PTH109, TRY400  likewise
            return SHOWN
        return explain(pulumi, error)
    except Exception as error:  # noqa: BLE001  whatever the program raises is shown
        return explain(pulumi, error)
    return 0


def program(entry, settings):  # noqa: ANN001, ANN201  # pyright: ignore[reportMissingParameterType,reportUnknownParameterType]  likewise
    """Run the program's file; what comes back is awaited by the SDK before it waits for outputs itself."""
    runpy.run_path(entry, run_name="__main__")
    return settled(settings)


async def settled(settings) -> None:  # noqa: ANN001  # pyright: ignore[reportMissingParameterType,reportUnknownParameterType]  likewise
    """Wait until every output is known or one has failed, which the SDK then finds where it is.

    The SDK's own wait looks at all outputs anew for each that comes; with thousands of them that takes seconds.
    """
    seen, pending, failed, over = set(), set(), [], asyncio.Event()

    def end(output) -> None:  # noqa: ANN001  # pyright: ignore[reportMissingParameterType,reportUnknownParameterType]  likewise
        pending.discard(output)
        if output.cancelled() or output.exception():
            failed.append(output)
        if failed or not pending:
            over.set()

    while not failed:
        with settings.lock:
            fresh = settings.outputs - seen
        for output in fresh:
            output.add_done_callback(end)
        seen |= fresh
        pending |= fresh
        if not pending:
            return
        over.clear()
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(over.wait(), LOOK_AGAIN)


def explain(pulumi, error) -> int:  # noqa: ANN001  # pyright: ignore[reportMissingParameterType,reportUnknownParameterType]  likewise
    """Show an exception of the program, without the frames that are not the program's."""
    frames = traceback.extract_tb(error.__traceback__)
    places = [at for at, frame in enumerate(frames) if frame.filename != __file__ and not _machinery(frame.filename)]
    own = places[0] if places else len(frames)
    text = "".join(traceback.format_exception(error, limit=own - len(frames)))
    pulumi.log.error("Program failed with an unhandled exception:\n" + text)  # noqa: G003  likewise
    return SHOWN


def _machinery(file: str) -> bool:
    runtime = os.path.join("pulumi", "runtime")  # noqa: PTH118
    return file.startswith("<frozen") or runtime in file or os.path.basename(os.path.dirname(file)) == "asyncio"  # noqa: PTH119, PTH120


if __name__ == "__main__":
    gc.set_threshold(*RARELY)
    code = main()
    gc.freeze()  # the interpreter's end need not look through them either
    sys.stdout.flush()
    sys.stderr.flush()
    sys.exit(code)
