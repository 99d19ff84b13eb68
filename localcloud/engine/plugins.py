"""Plugin processes: found, started, drained, ended."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import grpc

from localcloud.engine.backend import pulumi_home
from localcloud.engine.errors import PluginError, UnsupportedError
from localcloud.engine.project import Project
from localcloud.process import preexec_die_with_parent

START_SECONDS = 30.0  # the official engine gives 10; a loaded machine that starts Python needs more
STOP_SECONDS = 5.0
CHANNEL_OPTIONS = (
    ("grpc.max_receive_message_length", 400 * 1024 * 1024),
    ("grpc.max_send_message_length", 400 * 1024 * 1024),
    ("grpc.enable_http_proxy", 0),
)


@dataclass(slots=True)
class Plugin:
    """A running plugin and the connection to it."""

    name: str
    channel: grpc.aio.Channel
    process: asyncio.subprocess.Process | None = None
    last_lines: list[str] = field(default_factory=list[str])
    drains: list[asyncio.Task[None]] = field(default_factory=list[asyncio.Task[None]])

    async def stop(self, *, at_once: bool = False) -> None:
        """End the process with its whole group: asked first, killed after a grace."""
        await self.channel.close()
        if self.process is None:
            return
        for number in (signal.SIGKILL,) if at_once else (signal.SIGINT, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.process.wait(), STOP_SECONDS)
                break
        for drain in self.drains:
            drain.cancel()

    async def obituary(self) -> str | None:
        """If the process has ended, how it did."""
        if self.process is None:
            return None
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(self.process.wait()), STOP_SECONDS)
        if self.process.returncode is None:
            return None
        return f"the plugin {self.name} {how_it_ended(self.process.returncode)}{self.tail()}"

    def tail(self) -> str:
        lines = [line for line in self.last_lines if line.strip()]
        return "; its last output was:\n" + "\n".join(f"    {line}" for line in lines) if lines else ""


def how_it_ended(code: int) -> str:
    if code >= 0:
        return f"exited with code {code}"
    with contextlib.suppress(ValueError):
        return f"was ended by {signal.Signals(-code).name}"
    return f"was ended by signal {-code}"


class PluginHost:
    """Starts the resource plugins of one deployment and ends them with it."""

    def __init__(self, project: Project, log: Callable[[str, str], None]) -> None:
        self._project = project
        self._log = log
        self._running: list[Plugin] = []
        self.engine_address = ""

    def find(self, package: str, version: str | None) -> Path:
        """The executable of a package's plugin.

        Raises:
            PluginError: there is none, or it cannot be executed.
        """
        binary = f"pulumi-resource-{package}"
        candidates = [self._of_project(package, version), *self._on_path(binary), *_cached(package, version)]
        for path in candidates:
            if path is None:
                continue
            if os.access(path, os.X_OK):
                return path
            raise PluginError(f"the plugin {path} is not executable: chmod +x it")
        raise PluginError(
            f"no resource plugin '{package}' found: there is no {binary} on PATH, in the project's plugins, "
            f"or under {pulumi_home() / 'plugins'}"
        )

    def _of_project(self, package: str, version: str | None) -> Path | None:
        for entry in self._project.plugins.get("providers") or ():
            if entry.get("name") == package and entry.get("version") in (None, version):
                folder = (self._project.root / entry.get("path", ".")).resolve()
                path = folder / f"pulumi-resource-{package}"
                if not path.exists() and (folder / "PulumiPlugin.yaml").exists():
                    raise UnsupportedError(f"the plugin in {folder}, which is given as source (PulumiPlugin.yaml)")
                if not path.exists():
                    raise PluginError(f"{path}, which Pulumi.yaml names as the plugin '{package}', does not exist")
                return path
        return None

    def _on_path(self, binary: str) -> list[Path]:
        if os.environ.get("PULUMI_IGNORE_AMBIENT_PLUGINS", "").lower() in ("1", "true"):
            return []
        folders = os.environ.get("PATH", "").split(os.pathsep)
        return [Path(folder) / binary for folder in folders if folder and _is_file(Path(folder) / binary)]

    async def start(self, package: str, version: str | None, config: dict[str, str]) -> Plugin:
        """Start a package's plugin, or attach to one that PULUMI_DEBUG_PROVIDERS names."""
        port = _attached(package)
        if port is not None:
            plugin = Plugin(package, _channel(port))
        else:
            plugin = await self._launch(package, self.find(package, version), config)
        self._running.append(plugin)
        return plugin

    async def _launch(self, package: str, path: Path, config: dict[str, str]) -> Plugin:
        options = self._project.runtime_options.items()
        env = {
            **os.environ,
            **{f"PULUMI_RUNTIME_{str(name).upper()}": str(value) for name, value in options},
            "no_grpc_proxy": "127.0.0.1,localhost",
            "PULUMI_PROJECT": self._project.name,
            "PULUMI_CONFIG": json.dumps(config),
        }
        try:
            process = await asyncio.create_subprocess_exec(
                str(path),
                self.engine_address,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                cwd=self._project.root,
                env=env,
                limit=1 << 20,
                start_new_session=True,  # a Ctrl-C is the engine's to pass on, as a Cancel call
                preexec_fn=preexec_die_with_parent,
            )
        except OSError as error:
            raise PluginError(f"the plugin {path} cannot be started: {error.strerror}") from error
        plugin = Plugin(package, grpc.aio.insecure_channel("127.0.0.1:1"), process)
        self._drain(plugin, process.stderr)
        try:
            port = await asyncio.wait_for(_port(process), START_SECONDS)
        except (TimeoutError, ValueError) as error:
            reason = f"printed no port within {START_SECONDS:.0f} s" if isinstance(error, TimeoutError) else str(error)
            if reason == "ended":
                reason = f"{how_it_ended(await process.wait())} before it printed its port"
            await asyncio.sleep(0.05)  # let what it wrote arrive
            await plugin.stop()
            raise PluginError(f"the plugin {path} {reason}{plugin.tail()}") from error
        plugin.channel = _channel(port)
        self._drain(plugin, process.stdout)
        return plugin

    def _drain(self, plugin: Plugin, stream: asyncio.StreamReader | None) -> None:
        """Keep reading what a plugin writes, for a full pipe would block it; the last lines may explain a death."""

        async def drain() -> None:
            assert stream is not None  # noqa: S101  it was asked for
            while chunk := await stream.read(65536):
                for line in chunk.decode(errors="replace").splitlines():
                    plugin.last_lines.append(line[:500])
                    del plugin.last_lines[:-20]
                    self._log(plugin.name, line)

        plugin.drains.append(asyncio.create_task(drain()))

    async def close(self, *, at_once: bool = False) -> None:
        await asyncio.gather(*(plugin.stop(at_once=at_once) for plugin in self._running))
        self._running.clear()


def _channel(port: int) -> grpc.aio.Channel:
    return grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=CHANNEL_OPTIONS)


async def _port(process: asyncio.subprocess.Process) -> int:
    assert process.stdout is not None  # noqa: S101  it was asked for
    line = (await process.stdout.readline()).decode(errors="replace").strip()
    if not line:
        raise ValueError("ended")
    if not line.isdigit() or not 0 < int(line) < 65536:
        raise ValueError(f"printed {line[:100]!r} where its port was expected")
    return int(line)


def _attached(package: str) -> int | None:
    for entry in os.environ.get("PULUMI_DEBUG_PROVIDERS", "").split(","):
        name, _, port = entry.strip().partition(":")
        if name == package and port.isdigit():
            return int(port)
    return None


def _is_file(path: Path) -> bool:
    """Whether there is such a file; a folder that is closed to this user, or no folder's name at all, has none."""
    try:
        return path.is_file()
    except OSError:
        return False


def _cached(package: str, version: str | None) -> list[Path]:
    """Plugins in the cache that satisfy a version, the best one first."""
    found: list[tuple[tuple[int, ...], Path]] = []
    wanted = _numbers(version) if version else None
    for folder in (pulumi_home() / "plugins").glob(f"resource-{package}-v*"):
        numbers = _numbers(folder.name.removeprefix(f"resource-{package}-v"))
        path = folder / f"pulumi-resource-{package}"
        if path.is_file() and (wanted is None or (numbers[:1] == wanted[:1] and numbers >= wanted)):
            found.append((numbers, path))
    return [path for _, path in sorted(found, reverse=True)]


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.partition("-")[0].removeprefix("v").split(".") if part.isdigit())
