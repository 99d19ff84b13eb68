"""Runs a Pulumi program. Started by the language host; reads what to run, as one line of JSON, from its standard input.

Loading the SDK takes most of the start, so this happens before the line is awaited, while the engine still prepares
itself. It is run as a file by the interpreter of the program's environment, and so imports nothing of the host.
"""

from __future__ import annotations

import sys

# The folder of this file is the host's, not the program's: its modules must not shadow those of the same names.
sys.path.pop(0)

import asyncio
import gc
import inspect
import json
import logging
import os
import runpy
import signal
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor
from typing import Any

SHOWN = 32  # the exit code that says: the user has been told why
INTERRUPTED = 130  # as a shell says of a program that a SIGINT has ended
LOOK_AGAIN = 0.2  # seconds until outputs that were made meanwhile are looked at too
# The SDKs make a million objects that stay. Looked through at Python's own pace they cost a third of the program's time.
RARELY = (100_000, 50, 100)


def main() -> int:
    orders = os.fdopen(os.dup(0), encoding="utf-8")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    try:
        import pulumi  # noqa: PLC0415  its absence is explained
        import pulumi.runtime  # noqa: PLC0415
    except ImportError as error:
        print(
            f"The program's interpreter {sys.executable} has no Pulumi SDK ({error}). "
            "Run `pulumi install` to install the program's requirements",
            file=sys.stderr,
        )
        return SHOWN
    line = orders.readline()
    if not line:
        return 0  # there is nothing to run after all
    threading.Thread(target=end_with_host, args=(orders,), daemon=True).start()
    return run(pulumi, json.loads(line))


def end_with_host(orders: Any) -> None:
    """The host keeps its end of the pipe as long as it lives."""
    orders.read()
    os.killpg(0, signal.SIGKILL)


def run(pulumi: Any, order: dict[str, Any]) -> int:
    """Run the program until all that it registered is done, and say how it ended."""
    if order["config"]:
        os.environ["PULUMI_CONFIG"] = json.dumps(order["config"])
    os.environ["PULUMI_CONFIG_SECRET_KEYS"] = json.dumps(order["secret_keys"])
    pulumi.runtime.set_all_config(order["config"], order["secret_keys"])
    known = inspect.signature(pulumi.runtime.Settings).parameters  # an older SDK has fewer
    settings = {name: value for name, value in order["settings"].items() if name in known}
    pulumi.runtime.configure(pulumi.runtime.Settings(**settings))
    wait_once_for_all_outputs()
    os.chdir(order["directory"])
    sys.argv = [order["entry"], *order["arguments"]]
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    executor = ThreadPoolExecutor(max_workers=max(settings["parallel"], 1) * 4)
    loop.set_default_executor(executor)
    # A program that fails leaves futures unobserved; what asyncio says of them would bury the cause.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    try:
        loop.run_until_complete(pulumi.runtime.run_in_stack(lambda: program(order["entry"])))
    except KeyboardInterrupt:
        os._exit(INTERRUPTED)  # nothing more can be said to the engine, and calls to it may never return
    except pulumi.RunError as error:
        pulumi.log.error(str(error))  # noqa: TRY400  no logger of Python's
        code = SHOWN
    except SystemExit:
        raise
    except BaseException as error:  # noqa: BLE001  whatever the program raises is shown
        pulumi.log.error(explanation(error, order["entry"], os.path.dirname(pulumi.__file__)))  # noqa: PTH120, TRY400  likewise
        code = SHOWN
    else:
        code = 0
    finally:
        executor.shutdown(wait=True)
        loop.close()
    return code


def program(entry: str) -> None:
    """Run the program's file; what a module returns is nothing to wait for."""
    runpy.run_path(entry, run_name="__main__")


def wait_once_for_all_outputs() -> None:
    """Let the SDK wait for its outputs in rounds, instead of looking at all of them for each that comes.

    With the thousands of outputs of a large program its own way takes seconds. Only its call of `asyncio.wait` is
    replaced, in the one module that waits so; what it does with the outputs that are done stays its own.
    """
    from pulumi.runtime import stack  # noqa: PLC0415  after the SDK has been found

    class Asyncio:
        """The module asyncio, with another `wait`."""

        wait = staticmethod(wait_in_rounds)

        def __getattr__(self, name: str) -> Any:
            return getattr(asyncio, name)

    stack.asyncio = Asyncio()  # pyright: ignore[reportAttributeAccessIssue]  it stands for the module


async def wait_in_rounds(tasks: Any, *, timeout: Any = None, return_when: str) -> Any:  # noqa: ASYNC109  asyncio's own
    """`asyncio.wait`, which for the first of many tasks waits a while longer: until all are done or one has failed."""
    if timeout is not None or return_when != asyncio.FIRST_COMPLETED:
        return await asyncio.wait(tasks, timeout=timeout, return_when=return_when)
    done, pending = await asyncio.wait(tasks, timeout=LOOK_AGAIN, return_when=asyncio.FIRST_EXCEPTION)
    if done or not pending:
        return done, pending
    return await asyncio.wait(tasks, return_when=return_when)


def explanation(error: BaseException, entry: str, sdk: str) -> str:
    """What the user is told of an exception, without the frames that only lead to the program."""
    main_file = os.path.join(entry, "__main__.py") if os.path.isdir(entry) else entry  # noqa: PTH112, PTH118
    if isinstance(error, ImportError) and not os.path.exists(main_file):  # noqa: PTH110  no more imports than needed
        return f"unable to find main python program `__main__.py` in `{os.path.abspath(entry)}`"  # noqa: PTH100
    frames = traceback.extract_tb(error.__traceback__)
    passed = (__file__, "<frozen", sdk, os.path.dirname(asyncio.__file__))  # noqa: PTH120
    places = [at for at, frame in enumerate(frames) if not frame.filename.startswith(passed)]
    own = places[0] if places else len(frames)
    text = "".join(traceback.format_exception(error, limit=own - len(frames)))
    return "Program failed with an unhandled exception:\n" + text


if __name__ == "__main__":
    gc.set_threshold(*RARELY)
    code = main()
    gc.freeze()  # the interpreter's end need not look through them either
    sys.stdout.flush()
    sys.stderr.flush()
    sys.exit(code)
