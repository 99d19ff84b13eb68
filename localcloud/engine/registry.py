"""Provider resources: the engine itself plays the provider of providers."""

from __future__ import annotations

import asyncio
import uuid
from pathlib import Path

from localcloud.engine import urns
from localcloud.engine.config import Config
from localcloud.engine.errors import PluginError, UnsupportedError
from localcloud.engine.plugins import PluginHost
from localcloud.engine.provider import CheckFailure, Diff, Provider
from localcloud.engine.resource import Resource
from localcloud.engine.values import Properties, Secret, equal, plain

UNKNOWN_ID = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
_INTERNAL = "__internal"


class Registry:
    """The providers of one deployment, by their references.

    One process serves one provider resource, for a provider can be configured only once. The process that was started
    for Check is kept under the URN alone until Create, Update or Same decides on the id.
    """

    def __init__(self, host: PluginHost, config: Config, root: Path, program: Path, *, preview: bool) -> None:
        self._host = host
        self._config = config
        self._root = root
        self._program = program
        self._preview = preview
        self._checked: dict[str, Provider] = {}
        self._providers: dict[str, Provider] = {}
        self._ensuring: dict[str, asyncio.Task[Provider]] = {}

    def get(self, reference: str) -> Provider | None:
        return self._providers.get(reference)

    def all(self) -> list[Provider]:
        return list({id(each): each for each in [*self._providers.values(), *self._checked.values()]}.values())

    async def check(self, urn: str, olds: Properties, news: Properties) -> tuple[Properties, list[CheckFailure]]:
        """Start the plugin and have it check its configuration."""
        provider = await self._load(urn, news)
        inputs, failures = await provider.check_config(urn, _visible(olds), _visible(news))
        if failures:
            return inputs, failures
        self._checked[urn] = provider
        if "version" in news:
            inputs = {**inputs, "version": news["version"]}
        if _INTERNAL in news:
            inputs = {**inputs, _INTERNAL: news[_INTERNAL]}
        return inputs, []

    async def diff(self, urn: str, old: Resource, news: Properties) -> Diff:
        provider = self._checked[urn]
        diff = await provider.diff_config(urn, _visible(old.inputs), old.outputs, _visible(news))
        if diff.changes is None:
            diff.changes = not equal(plain(old.outputs), plain(_visible(news)))
        return diff

    def create(self, urn: str, inputs: Properties) -> tuple[str, Properties]:
        """Configure the checked provider under a new id; the answer is awaited where the provider is first used."""
        identifier = UNKNOWN_ID if self._preview else str(uuid.uuid4())
        self._configure(self._checked.pop(urn), urn, identifier, inputs)
        return identifier, _visible(inputs)

    def update(self, urn: str, identifier: str, inputs: Properties) -> Properties:
        self._configure(self._checked.pop(urn), urn, identifier, inputs)
        return _visible(inputs)

    def same(self, urn: str, identifier: str, old_inputs: Properties) -> None:
        """Configure the checked provider with what it was configured with before, unless one runs for it already."""
        if f"{urn}::{identifier}" in self._providers:
            del self._checked[urn]
            return
        self._configure(self._checked.pop(urn), urn, identifier, old_inputs)

    async def ensure(self, resource: Resource) -> Provider:
        """The provider that a resource of the old state stands for, started if it is not running."""
        known = self._providers.get(resource.reference)
        if known is not None:
            return known
        task = self._ensuring.get(resource.reference)
        if task is None:
            task = asyncio.create_task(self._revive(resource))
            self._ensuring[resource.reference] = task
        return await asyncio.shield(task)

    async def _revive(self, resource: Resource) -> Provider:
        provider = await self._load(resource.urn, resource.inputs)
        return self._providers.get(resource.reference) or self._configure(
            provider, resource.urn, resource.id, resource.inputs
        )

    def _configure(self, provider: Provider, urn: str, identifier: str, inputs: Properties) -> Provider:
        configuring = asyncio.ensure_future(provider.configure(urn, identifier, _visible(inputs)))
        configuring.add_done_callback(lambda done: done.cancelled() or done.exception())
        provider.configured_by(configuring)
        self._providers[f"{urn}::{identifier}"] = provider
        return provider

    async def _load(self, urn: str, inputs: Properties) -> Provider:
        package = urns.package_of(urns.type_of(urn))
        internal = inputs.get(_INTERNAL)
        if isinstance(internal, dict) and set(internal) - {"pluginDownloadURL"}:
            raise UnsupportedError(f"a parameterized provider ({urn})")
        version = inputs.get("version")
        if version is not None and not isinstance(version, str):
            raise PluginError(f"the version of provider {urn} is no text")
        config = {key: value for key, (value, _) in self._config.of_package(package).items()}
        plugin = await self._host.start(package, version, config)
        provider = Provider(package, plugin)
        if plugin.process is None:
            await provider.attach(self._host.engine_address)
        await provider.handshake(self._host.engine_address, str(self._root), str(self._program))
        return provider


def _visible(inputs: Properties) -> Properties:
    """The configuration without what only the engine is concerned with."""
    return {key: value for key, value in inputs.items() if key != _INTERNAL}


def default_provider_name(version: str) -> str:
    """The name of a package's default provider: with its version, where one is asked for."""
    if not version:
        return "default"
    return "default_" + version.removeprefix("v").replace(".", "_").replace("-", "_").replace("+", "_")


def default_provider_inputs(package: str, version: str, download_url: str, config: Config) -> Properties:
    inputs: Properties = {
        key: Secret(value) if secret else value for key, (value, secret) in config.of_package(package).items()
    }
    if version:
        inputs["version"] = version.removeprefix("v")
    if download_url:
        inputs[_INTERNAL] = {"pluginDownloadURL": download_url}
    return inputs
