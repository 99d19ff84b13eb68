"""The fork server: it imports the containers' libraries once, and then forks into a container within a few milliseconds.

An import of numpy and xgboost takes a second. The owner starts one fork server and sends it requests over a socket, which
is its standard input. A request is a length and JSON, with two file descriptors beside its first byte: for the container's
output, and for its status. Two numbers are written as the status: the pid at once, and the exit code at the end.

When the owner ends, in whatever way, its end of the socket is closed. The fork server then kills all containers and removes
their scratch folders. When the first process of a container ends, the rest of its process group is killed, as in a real
container.

The fork server starts no threads and makes no predictions: a fork does not have its parent's threads, and OpenMP would
wait for them for ever.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import selectors
import shutil
import signal
import socket
import struct
import sys
from typing import Any, Final, NamedTuple, TypedDict

from localcloud.process import preexec_die_with_parent, socket_of_parent

READY: Final = b"R"  # the fork server writes it once, when its imports are done
LENGTH: Final = struct.Struct("!I")
NUMBER: Final = struct.Struct("!i")
COMMAND_NOT_RUN: Final = 127  # as a shell has it
_LARGE: Final = ("pandas", "sklearn")  # they take two seconds, and SageMaker's XGBoost needs neither


class LaunchRequest(TypedDict):
    """The container that a fork is to become."""

    module: str  # the fork itself calls the `main()` of this module; if it is empty,
    command: list[str]  # the fork executes this program
    environment: dict[str, str]
    scratch: str


class _Child(NamedTuple):
    status: int
    scratch: str


class Zygote:
    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._owner = os.getppid()
        self._children: dict[int, _Child] = {}
        self._wakeup, wakeup_sender = os.pipe()
        os.set_blocking(self._wakeup, False)
        os.set_blocking(wakeup_sender, False)
        signal.set_wakeup_fd(wakeup_sender)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def run(self) -> None:
        selector = selectors.DefaultSelector()
        selector.register(self._control, selectors.EVENT_READ)
        selector.register(self._wakeup, selectors.EVENT_READ)
        self._control.sendall(READY)
        while os.getppid() == self._owner:
            ready = {key.fileobj for key, _ in selector.select(timeout=0.5)}
            if self._control in ready and not self._launch_next():
                break
            if self._wakeup in ready:
                os.read(self._wakeup, 4096)
            self._reap()
        self._kill_all()

    def _launch_next(self) -> bool:
        received = _receive(self._control)
        if received is None:
            return False
        request, output, status = received
        pid = os.fork()
        if pid == 0:
            _become(request, output)
        os.close(output)
        self._children[pid] = _Child(status, request["scratch"])
        _tell(status, pid)
        return True

    def _reap(self) -> None:
        for pid in list(self._children):  # not os.waitid: macOS has it from Python 3.13 on only
            ended, wait_status = os.waitpid(pid, os.WNOHANG)
            if ended:
                _kill_group(pid)  # its number stays taken while the group has members, and is not given out again soon
                child = self._children.pop(pid)
                _tell(child.status, os.waitstatus_to_exitcode(wait_status))
                os.close(child.status)

    def _kill_all(self) -> None:
        for pid, child in self._children.items():
            _kill_group(pid)
            os.waitpid(pid, 0)
            shutil.rmtree(child.scratch, ignore_errors=True)
        os._exit(0)  # there is nothing to clean up, and no process waits for it


def _receive(control: socket.socket) -> tuple[LaunchRequest, int, int] | None:
    head, descriptors, _, _ = socket.recv_fds(control, LENGTH.size, 2)
    if len(head) < LENGTH.size:
        return None
    text = bytearray()
    while len(text) < LENGTH.unpack(head)[0]:
        part = control.recv(LENGTH.unpack(head)[0] - len(text))
        if not part:
            return None
        text += part
    output, status = descriptors
    return json.loads(text), output, status


def _tell(status: int, number: int) -> None:
    with contextlib.suppress(BrokenPipeError):  # the owner has closed its end
        os.write(status, NUMBER.pack(number))


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS: a zombie's group is not permitted
        os.killpg(pid, signal.SIGKILL)


def _become(request: LaunchRequest, output: int) -> None:
    """Turn this fork into the container; never returns."""
    code = 1
    try:
        preexec_die_with_parent()
        os.setsid()
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        _take_output(output)
        os.chdir(request["scratch"])
        os.environ.clear()
        os.environ.update(request["environment"])
        code = _run_module(request["module"]) if request["module"] else _execute(request["command"])
    except BaseException as error:  # noqa: BLE001  a fork must never return into the fork server's own loop
        print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
    finally:
        os._exit(code)


def _take_output(output: int) -> None:
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.closerange(3, 1024)  # the other containers' pipes and the fork server's own
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)  # pyright: ignore[reportAttributeAccessIssue]  they are text files


def _execute(command: list[str]) -> int:
    try:
        os.execvp(command[0], command)  # noqa: S606  no shell is wanted
    except OSError as error:
        print(f"cannot run {command[0]}: {error.strerror}", file=sys.stderr, flush=True)
        return COMMAND_NOT_RUN


def _run_module(module: str) -> int:
    sys.argv = [module, "serve"]
    try:
        importlib.import_module(module).main()
    except SystemExit as end:
        return _exit_code(end.code)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


def _exit_code(code: Any) -> int:
    if code is None or isinstance(code, int):
        return code or 0
    print(code, file=sys.stderr, flush=True)
    return 1


def main() -> None:
    control = socket_of_parent()
    _preload(sys.argv[1:])
    Zygote(control).run()


def _preload(modules: list[str]) -> None:
    """Import modules, without the large packages that xgboost imports if they are installed."""
    for name in _LARGE:
        sys.modules[name] = None  # pyright: ignore[reportArgumentType]  the documented way to forbid an import
    for module in modules:
        importlib.import_module(module)
    for name in _LARGE:
        del sys.modules[name]  # other containers may need them


if __name__ == "__main__":
    main()
