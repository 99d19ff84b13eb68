"""A stack opened for a command: its project, files, configuration, secrets and state."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localcloud.engine import backend, project
from localcloud.engine.backend import Backend, StackFiles
from localcloud.engine.checkpoint import Deployment, decode_deployment, parse_checkpoint
from localcloud.engine.codec import Codec
from localcloud.engine.config import Config, StackConfig
from localcloud.engine.errors import NoStackSelectedError, UnsupportedError
from localcloud.engine.project import Project
from localcloud.engine.secrets import SecretsManager, passphrase


@dataclass(slots=True)
class Session:
    """What most commands begin with."""

    project: Project
    backend: Backend

    @classmethod
    def open(cls, directory: str | None = None) -> Session:
        found = project.find(Path(directory or os.getcwd()).resolve())  # noqa: PTH109  the shell's idea of the place
        return cls(found, backend.from_environment(found.backend))

    def stack(self, option: str | None) -> Stack:
        """The stack that an option, the environment or an earlier selection names; it must exist."""
        name = project.selected_stack(self.project, option)
        files = self.backend.stack(self.project.name, name)
        if not option and not files.exists():
            raise NoStackSelectedError(
                f"no stack selected: there is none named '{name}'; choose one with `pulumi stack select`, --stack or "
                "PULUMI_STACK"
            )
        return Stack(
            self.project, files, StackConfig(self.project, name), parse_checkpoint(files.read(), str(files.file))
        )


@dataclass(slots=True)
class Stack:
    """A stack that exists, with its state as it is in the file."""

    project: Project
    files: StackFiles
    config_file: StackConfig
    raw: dict[str, Any] | None

    @property
    def name(self) -> str:
        return self.files.name

    def reread(self) -> None:
        self.raw = parse_checkpoint(self.files.read(), str(self.files.file))

    def state_salt(self) -> str:
        """The salt in the state, empty when no secrets provider is named there.

        Raises:
            UnsupportedError: it is another provider than passphrase.
        """
        providers = (self.raw or {}).get("secrets_providers") or {}
        kind = providers.get("type")
        if kind not in (None, "", "passphrase"):
            raise UnsupportedError(f"the state of {self.name} is encrypted by the secrets provider {kind!r}, which")
        return str((providers.get("state") or {}).get("salt") or "")

    def codec(self, *, show_secrets: bool = False) -> Codec:
        """What reads the state: with the salt that the state itself names."""
        salt = self.state_salt() or self.config_file.salt
        manager = SecretsManager(passphrase(), salt) if salt else None
        return Codec(manager, show_secrets)

    def deployment(self, codec: Codec) -> Deployment:
        return decode_deployment(self.raw, codec)

    def config(self, secrets: SecretsManager | None) -> Config:
        return self.config_file.resolve(secrets)
