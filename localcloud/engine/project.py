"""The project file Pulumi.yaml, and which stack is selected."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from localcloud.engine.backend import ORGANIZATION, pulumi_home, write_atomically
from localcloud.engine.errors import ConfigError, NoStackSelectedError, StackNotFoundError, UnsupportedError, UsageError
from localcloud.engine.shape import mismatch

# What Pulumi.yaml may hold beside these changes nothing in a deployment.
_REFUSED = {"snippets": "snippets", "policies": "policy packs of the project"}
_SHAPE = {
    "main": str,
    "config": dict,
    "backend": {"url": str},
    "plugins": {"providers": [{"name": str, "path": str, "version": str}]},
    "stackConfigDir": str,
}


@dataclass(frozen=True, slots=True)
class Project:
    """What Pulumi.yaml says."""

    file: Path
    name: str
    runtime_options: dict[str, Any]
    main: str
    config: dict[str, Any] = field(default_factory=dict[str, Any])
    backend: str | None = None
    plugins: dict[str, list[dict[str, str]]] = field(default_factory=dict[str, list[dict[str, str]]])
    stack_config_folder: str = ""

    @property
    def root(self) -> Path:
        return self.file.parent

    @property
    def program(self) -> tuple[Path, str]:
        """The folder in which the program runs, and its entry point there."""
        main = self.root / self.main if self.main else self.root
        return (main.parent, main.name) if main.is_file() else (main, ".")

    def python(self, fallback: str) -> str:
        """The interpreter that runs the program: that of the project's virtual environment if it exists."""
        name = self.runtime_options.get("virtualenv")
        if name:
            candidate = self.root / str(name) / "bin" / "python"
            if candidate.exists():
                return str(candidate)
        return fallback

    def stack_file(self, stack: str) -> Path:
        return self.root / self.stack_config_folder / f"Pulumi.{stack.replace('/', '-')}.yaml"


def find(start: Path) -> Project:
    """The project of a folder or of the nearest one above it.

    Raises:
        ConfigError: there is none, or its file is wrong.
    """
    for folder in (start, *start.parents):
        for name in ("Pulumi.yaml", "Pulumi.yml"):
            if (folder / name).is_file():
                return load(folder / name)
    raise ConfigError(
        f"no Pulumi.yaml project file found in {start} or above it. Go to the project's folder, or use -C"
    )


def load(file: Path) -> Project:
    document = read_yaml(file)
    wrong = mismatch(document, _SHAPE)
    if wrong:
        raise ConfigError(f"{file}: {wrong}")
    runtime = document.get("runtime")
    options: dict[str, Any] = {}
    if isinstance(runtime, dict):
        runtime, options = runtime.get("name"), runtime.get("options") or {}
    if not isinstance(document.get("name"), str) or not document["name"]:
        raise ConfigError(f"{file}: the project has no 'name'")
    if runtime != "python":
        raise UnsupportedError(f"{file}: the runtime {runtime!r} (only python is)")
    if not isinstance(options, dict):
        raise ConfigError(f"{file}: the runtime's options are not a mapping")
    for key, what in _REFUSED.items():
        if document.get(key):
            raise UnsupportedError(f"{file}: {what}")
    return Project(
        file=file,
        name=document["name"],
        runtime_options=options,
        main=document.get("main") or "",
        config=document.get("config") or {},
        backend=(document.get("backend") or {}).get("url"),
        plugins=document.get("plugins") or {},
        stack_config_folder=document.get("stackConfigDir") or "",
    )


class _TextLoader(yaml.SafeLoader):
    """Reads what looks like a time as text, as the official tool does."""


_TextLoader.yaml_implicit_resolvers = {
    first: [(tag, expression) for tag, expression in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def parse_yaml(text: str) -> Any:
    return yaml.load(text, Loader=_TextLoader)  # noqa: S506  a safe loader


def read_yaml(file: Path) -> dict[str, Any]:
    """A YAML file that holds a mapping; an empty one is an empty mapping."""
    try:
        document = parse_yaml(file.read_text())
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} cannot be read: {error}") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{file} is not valid YAML: {' '.join(str(error).split())}") from error
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise ConfigError(f"{file} does not hold a mapping")
    return document


# --- the selected stack ----------------------------------------------------------------------------------------


def _workspace_file(project: Project) -> Path:
    digest = hashlib.sha1(str(project.file).encode(), usedforsecurity=False).hexdigest()
    return pulumi_home() / "workspaces" / f"{project.name}-{digest}-workspace.json"


def selected_stack(project: Project, option: str | None) -> str:
    """The stack that an option, PULUMI_STACK or an earlier `stack select` names.

    Raises:
        NoStackSelectedError: none does.
        StackNotFoundError: it is of another project.
        UsageError: it is no name for a stack.
    """
    name = option or os.environ.get("PULUMI_STACK") or _remembered(project)
    if not name:
        raise NoStackSelectedError("no stack selected; choose one with `pulumi stack select`, --stack or PULUMI_STACK")
    return simple_name(project, name)


def simple_name(project: Project, name: str) -> str:
    """The stack's own name from `stack`, `organization/stack` or `organization/project/stack`."""
    parts = name.split("/")
    if len(parts) > 3 or (len(parts) > 1 and parts[0] != ORGANIZATION):
        raise StackNotFoundError(f"{name}: in a file backend the organization is '{ORGANIZATION}'")
    if len(parts) == 3 and parts[1] != project.name:
        raise StackNotFoundError(f"{name} is of another project; this one is {project.name}")
    if not parts[-1] or not all(char.isalnum() or char in "-_." for char in parts[-1]) or len(parts[-1]) > 100:
        raise UsageError(f"{name!r} is no name for a stack: letters, digits, hyphens, underscores and periods are")
    return parts[-1]


def _remembered(project: Project) -> str | None:
    try:
        stack = json.loads(_workspace_file(project).read_text()).get("stack")
    except (OSError, ValueError, AttributeError):
        return None
    return stack if isinstance(stack, str) else None


def select_stack(project: Project, name: str | None) -> None:
    """Remember a stack as the selected one, or forget which one was."""
    file = _workspace_file(project)
    if name:
        write_atomically(file, json.dumps({"stack": f"{ORGANIZATION}/{project.name}/{name}"}, indent=4))
    else:
        file.unlink(missing_ok=True)
