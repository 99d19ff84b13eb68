"""Builds programs from pinned Go modules: download, compile, move into place.

A registry may refuse a request and serve it a moment later, so downloads are tried again, and continue where they stopped.
"""

from __future__ import annotations

import json
import os
import queue
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from localcloud import process
from localcloud.go import toolchain
from localcloud.go.programs import BuildError, DiskFullError, Program, RegistryError

Progress = Callable[[str], None]

_WAITS_SECONDS: Final = (2.0, 5.0, 15.0, 30.0)
_SILENCE_SECONDS: Final = 120.0
# Counted from the first refusal: long enough for a short failure of the registry, too short to seem hung.
_PATIENCE_SECONDS: Final = 90.0
_PROGRESS_SECONDS: Final = 10.0
_OWN_CACHES: Final = "go"
_GIVING_WAY: Final = 10  # niceness of all builds but the first
_GIB: Final = 1024**3
_NEED_BYTES: Final = 8 * _GIB  # Go 0.3, modules 1.5, compiled packages 4.5, the linkers' work and the programs 1.2
_REGISTRY_SIGNS: Final = re.compile(
    r"40[38] |42[59] |5\d\d |Forbidden|Too Many Requests|i/o timeout|deadline exceeded|connection (refused|reset)"
    r"|no such host|network is unreachable|no route to host|server misbehaving|unexpected EOF|: EOF|TLS handshake"
    r"|http2: |proxyconnect|stream error|temporary failure",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class _Go:
    """A Go toolchain.

    Attributes:
        program: the command.
        environment: its whole environment.
        niceness: how far its processes give way to others, 0 to 19.
    """

    program: Path
    environment: dict[str, str]
    niceness: int = 0


def build(targets: Mapping[Program, Path], cache: Path, progress: Progress) -> None:
    """Build programs in parallel, each into its folder. The caller holds the cache's lock.

    All but the first get only the processor time that is left over. Packages that two programs share, such as the
    standard library, would be compiled twice if both builds reached them at once; this way the second finds them in the cache.

    Args:
        targets: the folder for each program, which is created only when it is complete.
        cache: the build cache; it also contains Go's own caches if the machine has no Go.
        progress: gets one line for each step.

    Raises:
        BuildError: one line that says what is wrong and what to do.
    """
    _sweep(cache)
    need = max(toolchain.required_version((program.sources / "go.mod").read_text()) for program in targets)
    found, own = toolchain.find_go(need, cache, progress)
    first = _Go(found, go_environment(None if own else cache))
    check_room(first, cache)
    others = replace(first, niceness=_GIVING_WAY)
    with ThreadPoolExecutor() as pool:
        builds = [
            pool.submit(_build, others if number else first, program, target, progress)
            for number, (program, target) in enumerate(targets.items())
        ]
        for build_of_one in builds:
            build_of_one.result()
    if not own:  # they are of use only if an interrupted build is continued
        shutil.rmtree(cache / _OWN_CACHES, ignore_errors=True)
        toolchain.forget(cache)


def _build(go: _Go, program: Program, target: Path, progress: Progress) -> None:
    started = time.monotonic()
    staging = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        sources = Path(shutil.copytree(program.sources, staging / "sources"))
        _embed(go, program, sources, progress)
        packages = _download(go, program, sources, progress)
        _compile(go, program, staging, packages, progress)
        shutil.rmtree(sources)
        for name in program.names:
            (staging / name).hardlink_to(staging / "program")
        (staging / "program").unlink()
        shutil.rmtree(target, ignore_errors=True)
        staging.rename(target)
    except OSError as error:
        raise BuildError(f"The build cannot be moved into {target}: {error}") from error
    except RegistryError as error:
        raise RegistryError(f"{error}. Without {program.title}: {program.otherwise}") from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    progress(f"Built in {time.monotonic() - started:.0f} s: {program.title}")


def go_environment(cache: Path | None) -> dict[str, str]:
    """The environment of Go: the user's proxies apply, settings that would change the result do not.

    Args:
        cache: folder for Go's own caches; with None they are where the machine's Go has them.
    """
    dropped = {"GOFLAGS", "GOOS", "GOARCH", "GOEXPERIMENT", "GOAMD64", "GOARM64", "GOROOT", "GODEBUG", "GOBIN"}
    environment = {key: value for key, value in os.environ.items() if key not in dropped}
    # Collecting garbage is an eighth of the compiler's time. Few packages come near this limit, the linker does.
    environment.setdefault("GOGC", "off")
    environment.setdefault("GOMEMLIMIT", "1500MiB")
    environment |= {"CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOWORK": "off", "GO111MODULE": "on"}
    if cache is None:
        return environment | {"GOFLAGS": "-mod=readonly"}
    own = cache / _OWN_CACHES
    caches = {"GOMODCACHE": str(own / "mod"), "GOCACHE": str(own / "build"), "GOPATH": str(own)}
    return environment | caches | {"GOFLAGS": "-mod=readonly -modcacherw"}


def check_room(go: _Go, cache: Path) -> None:
    """Refuse to begin a build that cannot succeed.

    Raises:
        DiskFullError: a folder that the build fills has too little room.
    """
    answer = subprocess.run(
        [go.program, "env", "GOMODCACHE", "GOCACHE"],
        capture_output=True,
        text=True,
        check=True,
        env=go.environment,
        cwd="/",
    )
    for folder in (cache, *map(Path, answer.stdout.split("\n")[:2])):
        existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
        free = shutil.disk_usage(existing).free
        if free < _NEED_BYTES:
            raise DiskFullError(
                f"The build needs {_NEED_BYTES / _GIB:.0f} GiB free in {folder}, which has "
                f"{free / _GIB:.1f}: free some space, or set XDG_CACHE_HOME, GOCACHE and GOMODCACHE to folders with more space"
            )


def _embed(go: _Go, program: Program, sources: Path, progress: Progress) -> None:
    """Copy the files that the sources embed from their modules."""
    for module, files in program.embedded.items():
        output = _fetch(go, ["mod", "download", "-json", module], sources, progress, lambda _: None)
        folder = Path(json.loads("\n".join(output))["Dir"])
        for file in files:
            shutil.copyfile(folder / file, sources / Path(file).name)


def _download(go: _Go, program: Program, sources: Path, progress: Progress) -> int:
    """Download every module that the build needs; returns the number of packages to compile."""
    most = len(re.findall(r"^\t\S+ v\S+( // indirect)?$", (sources / "go.mod").read_text(), re.MULTILINE))
    progress(f"Downloading the Go modules of {program.title}")
    counted = _Counter(progress, f"Downloading the Go modules of {program.title}: {{}} of about {most}")
    tags = [flag for flag in program.flags if flag.startswith("-tags")]
    output = _fetch(go, ["list", *tags, "-deps", program.package], sources, progress, counted.downloads)
    return sum(" " not in line for line in output)


def _fetch(
    go: _Go, arguments: Sequence[str], sources: Path, progress: Progress, heard: Callable[[str], None]
) -> list[str]:
    """Run a Go command that uses the module registry, and repeat it if the registry refuses.

    Raises:
        RegistryError: the registry still refuses at the end.
        BuildError: the command failed for another reason.
    """
    problem, give_up_at = "", float("inf")
    for wait in (*_WAITS_SECONDS, None):
        code, output = _run(go, arguments, sources, heard, silence=_SILENCE_SECONDS)
        if code == 0:
            return [line for line in output if not line.startswith("go: downloading ")]
        problem = _problem(output)
        if not _REGISTRY_SIGNS.search(problem):
            raise _failure(problem)
        give_up_at = min(give_up_at, time.monotonic() + _PATIENCE_SECONDS)
        if time.monotonic() >= give_up_at:
            break
        if wait is not None:
            progress(f"The Go module registry refused ({problem}); trying again in {wait:.0f} s")
            time.sleep(wait)
    raise RegistryError(
        f"The Go module registry does not serve what the build needs: {problem}. Check the network and GOPROXY, "
        "then run this again: it continues where it stopped"
    )


def _compile(go: _Go, program: Program, staging: Path, packages: int, progress: Progress) -> None:
    progress(f"Compiling {program.title}: {packages} packages")
    counted = _Counter(progress, f"Compiling {program.title}: {{}} of {packages} packages")
    arguments = ["build", "-v", *program.flags, "-o", str(staging / "program"), program.package]
    code, lines = _run(go, arguments, staging / "sources", counted.packages, silence=None)
    if code:
        raise _failure(_problem(lines))


def _run(
    go: _Go, arguments: Sequence[str], sources: Path, heard: Callable[[str], None], silence: float | None
) -> tuple[int, list[str]]:
    """Run Go and read its output; returns its exit code and its last lines.

    Raises:
        RegistryError: it printed nothing for so long that the registry cannot be answering.
    """
    with subprocess.Popen(
        ["nice", "-n", str(go.niceness), go.program, *arguments],
        cwd=sources,
        env=go.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=process.preexec_die_with_parent,  # noqa: PLW1509  it calls one function of the kernel, loaded before
    ) as child:
        try:
            output = list(_listen(child, heard, silence))
        except queue.Empty as error:
            child.kill()
            raise RegistryError(
                f"The Go module registry did not answer for {silence:.0f} s. Check the network and GOPROXY, "
                "then run this again: it continues where it stopped"
            ) from error
        except BaseException:
            child.terminate()
            raise
        return child.wait(), output


def _listen(child: subprocess.Popen[str], heard: Callable[[str], None], silence: float | None) -> Iterator[str]:
    lines: queue.Queue[str | None] = queue.Queue()

    def read() -> None:
        for line in child.stdout or ():
            lines.put(line.rstrip())
        lines.put(None)

    threading.Thread(target=read, daemon=True).start()
    while (line := lines.get(timeout=silence)) is not None:
        heard(line)
        yield line


class _Counter:
    """Summarises Go's many lines of output in a few lines of progress."""

    def __init__(self, progress: Progress, message: str) -> None:
        self._progress, self._message = progress, message
        self._count, self._next = 0, time.monotonic() + _PROGRESS_SECONDS

    def downloads(self, line: str) -> None:
        if line.startswith("go: downloading "):
            self._step()

    def packages(self, line: str) -> None:
        if " " not in line:
            self._step()

    def _step(self) -> None:
        self._count += 1
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + _PROGRESS_SECONDS
            self._progress(self._message.format(self._count))


def _problem(output: Sequence[str]) -> str:
    """The line of Go's output that gives the error."""
    said = [line.strip() for line in output if line.strip() and not line.startswith(("go: downloading ", "# "))]
    telling = [line for line in said if " " in line]
    return (telling or said or ["go said nothing"])[0][:400]


def _failure(problem: str) -> BuildError:
    if "no space left on device" in problem:
        return DiskFullError(f"The disk is full: {problem}. The build needs {_NEED_BYTES / _GIB:.0f} GiB")
    if "signal: killed" in problem:
        return BuildError(f"The compiler was killed, most likely because memory ran out (it needs 3 GiB): {problem}")
    return BuildError(f"The compiler failed: {problem}")


def _sweep(cache: Path) -> None:
    """Remove the folders of builds that were killed."""
    for left in (*cache.glob(".control-plane*"), *cache.glob(".pulumi-*")):
        shutil.rmtree(left, ignore_errors=True)
