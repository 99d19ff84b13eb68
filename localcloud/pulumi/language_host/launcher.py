"""Runs a Pulumi program. The language host starts it and sends one line of JSON, the engine's RunRequest, to its input.

Loading the SDK takes most of the starting time, so the SDK is loaded before that line arrives, while the engine still
prepares itself. The interpreter of the program's environment runs this as a file, so it imports nothing from the host.
"""

from __future__ import annotations

import sys

# The folder of this file is the host's; its modules must not shadow the program's modules of the same names.
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
from concurrent import futures
from types import SimpleNamespace
from typing import Any

SHOWN = 32  # the exit code after an error that was shown to the user
INTERRUPTED = 130  # the exit code that a shell gives for a program that a SIGINT ended
# The SDKs make a million objects that stay. At Python's usual pace, a third of the run would be garbage collection.
RARELY = (100_000, 50, 100)


def main() -> int:
    orders = os.fdopen(os.dup(0), encoding="utf-8")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    try:
        import pulumi  # noqa: PLC0415  its absence is explained
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
    request = json.loads(line, object_hook=lambda fields: SimpleNamespace(**fields))
    configure(pulumi, request)
    os.chdir(request.pwd)
    sys.argv = [request.info.entry_point, *request.args]
    return run(pulumi, request.info.entry_point, max(request.parallel, 1) * 4)


def end_with_host(orders: Any) -> None:
    """The host keeps its end of the pipe as long as it lives."""
    orders.read()
    os.killpg(0, signal.SIGKILL)


def configure(pulumi: Any, request: SimpleNamespace) -> None:
    config = vars(request.config)
    if config:
        os.environ["PULUMI_CONFIG"] = json.dumps(config)
    os.environ["PULUMI_CONFIG_SECRET_KEYS"] = json.dumps(request.configSecretKeys)
    pulumi.runtime.set_all_config(config, request.configSecretKeys)
    settings = {
        "monitor": request.monitor_address,
        "engine": request.engine,
        "project": request.project,
        "stack": request.stack,
        "parallel": request.parallel,
        "dry_run": request.dryRun,
        "organization": request.organization or None,
        "root_directory": request.info.root_directory,
    }
    known = inspect.signature(pulumi.runtime.Settings).parameters  # an older SDK has fewer
    pulumi.runtime.configure(pulumi.runtime.Settings(**{name: settings[name] for name in settings if name in known}))


def run(pulumi: Any, entry: str, threads: int) -> int:
    """Run the program until everything that it registered is done; return its exit code."""

    def program() -> None:  # the SDK would wait for a result
        runpy.run_path(entry, run_name="__main__")

    sent = send_debug_messages_without_waiting(pulumi.log.get_engine())
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    executor = futures.ThreadPoolExecutor(threads)
    loop.set_default_executor(executor)
    # A program that fails leaves futures unobserved; asyncio's messages about them would bury the cause.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    try:
        loop.run_until_complete(pulumi.runtime.run_in_stack(program))
    except KeyboardInterrupt:
        os._exit(INTERRUPTED)  # the engine can take no more, and calls to it may never return
    except SystemExit:
        raise
    except BaseException as error:  # noqa: BLE001  whatever the program raises is shown
        if text := explanation(pulumi, error, entry):
            pulumi.log.error(text)  # noqa: TRY400  this is not a logger of Python's
        return SHOWN
    finally:
        for call in sent:
            call.exception()  # the call has succeeded, or never will
        executor.shutdown(wait=True)
        loop.close()
    return 0


def send_debug_messages_without_waiting(engine: Any) -> list[Any]:
    """Let the program go on while the engine takes a debug message; the SDK sends several for each resource.

    Returns:
        The calls made so far; the list grows as the program runs.
    """
    calls: list[Any] = []
    log = engine.Log
    # A debug message has the severity 0.
    engine.Log = lambda request: log(request) if request.severity else calls.append(log.future(request))
    return calls


def explanation(pulumi: Any, error: BaseException, entry: str) -> str:
    """The text of an exception for the user, without the frames that only lead to the program; empty if none is needed."""
    import grpc  # noqa: PLC0415  after the SDK has been found

    main_file = os.path.join(entry, "__main__.py") if os.path.isdir(entry) else entry  # noqa: PTH112, PTH118
    if isinstance(error, ImportError) and not os.path.exists(main_file):  # noqa: PTH110  no more imports than needed
        return f"unable to find main python program `__main__.py` in `{os.path.abspath(entry)}`"  # noqa: PTH100
    modules = (pulumi, grpc, asyncio, futures)
    passed = (__file__, "<frozen", *(os.path.dirname(str(module.__file__)) + os.sep for module in modules))  # noqa: PTH120
    frames = traceback.extract_tb(error.__traceback__)
    own = next((at for at, frame in enumerate(frames) if not frame.filename.startswith(passed)), None)
    if own is None and stopped_by_engine(error, grpc):
        return ""
    if isinstance(error, pulumi.RunError):
        return str(error)
    if own is None:  # a syntax error names its place itself, any other error needs all frames
        own = len(frames) if isinstance(error, SyntaxError) else 0
    text = "".join(traceback.format_exception(error, limit=own - len(frames)))
    return "Program failed with an unhandled exception:\n" + text


def stopped_by_engine(error: BaseException | None, grpc: Any) -> bool:
    """Whether a call of the SDK failed because the engine has stopped, which reports the reason itself."""
    while error is not None:
        if isinstance(error, grpc.RpcError):
            return error.code() in {grpc.StatusCode.CANCELLED, grpc.StatusCode.UNAVAILABLE}  # pyright: ignore[reportAttributeAccessIssue]  a Call too
        error = error.__cause__ or error.__context__
    return False


if __name__ == "__main__":
    gc.set_threshold(*RARELY)
    try:
        code = main()
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # from here on an interrupt ends the process without a message
    except KeyboardInterrupt:
        os._exit(INTERRUPTED)
    gc.freeze()  # so that the interpreter does not go through them when it ends
    sys.exit(code)
