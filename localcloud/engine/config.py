"""A stack's configuration: Pulumi.<stack>.yaml, completed and checked by the schema in Pulumi.yaml."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from localcloud.engine import yamledit
from localcloud.engine.backend import write_atomically
from localcloud.engine.codec import encode_number
from localcloud.engine.config_objects import find, has_secure, is_secure, masked, put, remove, steps_of
from localcloud.engine.errors import ConfigError, SecretsError, UnsupportedError
from localcloud.engine.project import Project, parse_yaml, read_yaml
from localcloud.engine.secrets import SecretsManager, passphrase

_UNSUPPORTED = {"environment": "environments (ESC)", "encryptedkey": "a cloud secrets provider"}


@dataclass(frozen=True, slots=True)
class Config:
    """The configuration as programs and plugins get it: every value is a text."""

    values: dict[str, str]
    secret_keys: frozenset[str]
    secrets: frozenset[str] = frozenset()  # the texts that were encrypted, also those within objects

    def of_package(self, package: str) -> dict[str, tuple[str, bool]]:
        """The keys of a package's namespace, without it, with their values and whether they are secret."""
        prefix = f"{package}:"
        return {
            key.removeprefix(prefix): (value, key in self.secret_keys)
            for key, value in self.values.items()
            if key.startswith(prefix)
        }


class StackConfig:
    """The file Pulumi.<stack>.yaml."""

    def __init__(self, project: Project, stack: str) -> None:
        self.project = project
        self.stack = stack
        self.file: Path = project.stack_file(stack)
        self.document: dict[str, Any] = read_yaml(self.file) if self.file.exists() else {}
        for key, what in _UNSUPPORTED.items():
            if self.document.get(key):
                raise UnsupportedError(f"{self.file}: {what}")
        provider = self.document.get("secretsprovider") or "passphrase"
        if provider not in ("passphrase", "default"):
            raise UnsupportedError(f"{self.file}: the secrets provider {str(provider).partition(':')[0]}")
        config = self.document.get("config") or {}
        if not isinstance(config, dict):
            raise ConfigError(f"{self.file}: 'config' does not hold a mapping")
        self.values: dict[str, Any] = {self.full_key(str(key)): value for key, value in config.items()}

    def full_key(self, key: str) -> str:
        """The key with its namespace, which is the project's name when it has none."""
        parts = key.split(":")
        if len(parts) == 3 and parts[1] == "config":
            parts = [parts[0], parts[2]]
        if len(parts) > 2 or not all(parts):
            raise ConfigError(f"{key!r} is no configuration key: it must be <name> or <namespace>:<name>")
        return ":".join(parts) if len(parts) == 2 else f"{self.project.name}:{key}"

    @property
    def salt(self) -> str:
        return str(self.document.get("encryptionsalt") or "")

    def secrets(self, state_salt: str = "") -> SecretsManager | None:
        """The secrets manager of the stack, None when nothing has been encrypted yet.

        The salt in the file comes first, that of the state second, so that both keep being readable.
        """
        salt = self.salt or state_salt
        return SecretsManager(passphrase(), salt) if salt else None

    def secrets_or_new(self, state_salt: str = "") -> SecretsManager:
        """Likewise, but a new salt is made and written to the file when there is none."""
        manager = self.secrets(state_salt) or SecretsManager.create(passphrase())
        if self.salt != manager.salt:
            self.document["encryptionsalt"] = manager.salt
            self.save("encryptionsalt", value=manager.salt)
        return manager

    def save(self, *path: str, value: Any | None) -> None:
        """Set or take out one key in the file; what else is there stays as people wrote it."""
        text = self.file.read_text() if self.file.exists() else ""
        wanted = {key: each for key, each in self.document.items() if key != "config"}
        if self.values:
            wanted["config"] = self.values
        try:
            changed = yamledit.change(text, path, value)
            if self._normal(changed) != wanted:
                changed = yamledit.dump(wanted)  # a layout that cannot be edited in place
            write_atomically(self.file, changed, mode=0o644)
        except yaml.YAMLError as error:
            raise ConfigError(f"{self.file} is not valid YAML: {error}") from error

    def _normal(self, text: str) -> dict[str, Any]:
        document: dict[str, Any] = parse_yaml(text) or {}
        if document.get("config"):
            document["config"] = {self.full_key(str(key)): value for key, value in document["config"].items()}
        else:
            document.pop("config", None)
        return document

    def spelling(self, full: str) -> str:
        """How the file spells a key: with its namespace, unless it was written without."""
        config = self.document.get("config") or {}
        return next((str(key) for key in config if self.full_key(str(key)) == full), full)

    # --- values

    @property
    def raw(self) -> dict[str, Any]:
        """All values as they stand in the files, what is secret encrypted."""
        return self._defaults() | self.values

    def resolve(self, secrets: SecretsManager | None) -> Config:
        """All values as texts, after the project's schema.

        Raises:
            ConfigError: a value is missing or of the wrong type.
            SecretsError: a secure value cannot be decrypted.
        """
        config = self.unchecked(secrets)
        self._check(config.values, set(config.secret_keys))
        return config

    def unchecked(self, secrets: SecretsManager | None) -> Config:
        """Likewise, whatever the schema says."""
        values: dict[str, str] = {}
        secret_keys: set[str] = set()
        secret_texts: set[str] = set()
        for key, raw in self.raw.items():
            plain, secret = _open(raw, secrets, f"{self.file}: {key}")
            values[key] = as_text(plain)
            if secret:
                secret_keys.add(key)
                secret_texts.update(_encrypted(raw, plain))
        return Config(values, frozenset(secret_keys), frozenset(secret_texts))

    def _declared(self) -> dict[str, dict[str, Any]]:
        """The project's schema by full key; a bare value is a default, or a value for another namespace."""
        declared: dict[str, dict[str, Any]] = {}
        for key, entry in self.project.config.items():
            full = self.full_key(str(key))
            own = full.startswith(f"{self.project.name}:")
            if not isinstance(entry, dict):
                entry = {"default" if own else "value": entry}  # noqa: PLW2901  the long form of the same
            if own and "value" in entry and "default" not in entry:
                raise ConfigError(f"{self.project.file}: {key} has a 'value'; for keys of this project it is 'default'")
            if not own and "default" in entry:
                raise ConfigError(f"{self.project.file}: {key} has a 'default'; for other namespaces it is 'value'")
            declared[full] = entry
        return declared

    def _defaults(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, entry in self._declared().items():
            for name in ("default", "value"):
                if entry.get(name) is not None:
                    found[key] = entry[name]
        return found

    def _check(self, values: dict[str, str], secret_keys: set[str]) -> None:
        declared = self._declared()
        missing = [key for key in declared if key not in values and ("type" in declared[key] or not declared[key])]
        if missing:
            names = ", ".join(f"'{key.removeprefix(self.project.name + ':')}'" for key in missing)
            raise ConfigError(
                f"Stack '{self.stack}' is missing configuration values {names}. "
                f"Set them with `pulumi config set <key> <value>`, or in {self.file.name}"
            )
        for key, entry in declared.items():
            if key in values and entry.get("type") and not _matches(self._raw(key, values), entry):
                raise ConfigError(
                    f"Stack '{self.stack}' with configuration key '{key.removeprefix(self.project.name + ':')}' "
                    f"must be of type '{_type_name(entry)}'{_how_to_set(key, entry)}"
                )
            if entry.get("secret") and key in self.values and key not in secret_keys:
                raise ConfigError(
                    f"Stack '{self.stack}' with configuration key '{key}' must be encrypted as it's secret: "
                    "set it with `pulumi config set --secret`"
                )

    def _raw(self, key: str, values: dict[str, str]) -> Any:
        raw = self.values.get(key, self._defaults().get(key))
        return values[key] if is_secure(raw) else raw


def _open(raw: Any, secrets: SecretsManager | None, where: str) -> tuple[Any, bool]:
    """A raw value with its secure parts decrypted, and whether there were any."""
    if is_secure(raw):
        if secrets is None:
            raise SecretsError(f"{where} is encrypted, but the stack has no encryption salt")
        return secrets.decrypt(raw["secure"]), True
    if isinstance(raw, dict):
        opened = {str(key): _open(item, secrets, where) for key, item in raw.items()}
        return {key: item for key, (item, _) in opened.items()}, any(secret for _, secret in opened.values())
    if isinstance(raw, list):
        items = [_open(item, secrets, where) for item in raw]
        return [item for item, _ in items], any(secret for _, secret in items)
    return raw, False


def _encrypted(raw: Any, plain: Any) -> Iterator[str]:
    """The texts in a decrypted value that were encrypted in the raw one."""
    if is_secure(raw):
        yield str(plain)
    elif isinstance(raw, dict):
        for key, item in raw.items():
            yield from _encrypted(item, plain[str(key)])
    elif isinstance(raw, list):
        for item, opened in zip(raw, plain, strict=True):
            yield from _encrypted(item, opened)


def as_text(value: Any) -> str:
    """A value of YAML as the text that programs see; names in order, as the official engine has them."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, float):
        value = encode_number(value)
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, sort_keys=True)


def _how_to_set(key: str, entry: dict[str, Any]) -> str:
    """`config set KEY VALUE` makes a text; a list takes its items one by one."""
    return f": set it with `pulumi config set --path '{key}[0]' <value>`" if entry["type"] == "array" else ""


def _type_name(entry: dict[str, Any]) -> str:
    if entry["type"] == "array" and isinstance(entry.get("items"), dict):
        return f"array<{_type_name(entry['items'])}>"
    return str(entry["type"])


def _matches(value: Any, entry: dict[str, Any]) -> bool:
    match entry["type"]:
        case "string":
            return isinstance(value, str)
        case "integer":
            return (isinstance(value, int) and not isinstance(value, bool)) or _is_integer_text(value)
        case "boolean":
            return isinstance(value, bool) or value in ("true", "false")
        case "object":
            return isinstance(value, dict)
        case "array":
            items = entry.get("items")
            return isinstance(value, list) and all(not items or _matches(item, items) for item in value)
        case other:
            raise ConfigError(f"the configuration type {other!r} is unknown: string, integer, boolean and array are")


def _is_integer_text(value: Any) -> bool:
    try:
        return isinstance(value, str) and str(int(value)) == value
    except ValueError:
        return False


# --- changes ---------------------------------------------------------------------------------------------------


def set_value(
    config: StackConfig, key: str, value: str, *, secret: bool, path: bool, secrets: SecretsManager | None
) -> None:
    """Set a value, at a path within it if asked, encrypted if asked; the file is written."""
    name, steps = steps_of(key, path=path)
    full = config.full_key(name)
    raw: Any = value
    if secret:
        assert secrets is not None  # noqa: S101  the caller made it
        raw = {"secure": secrets.encrypt(value)}
    elif steps:
        raw = _typed(value)
    config.values[full] = put(config.values.get(full), steps, raw, (name,))
    config.save("config", config.spelling(full), value=config.values[full])


def _typed(text: str) -> Any:
    """The value that a text stands for inside an object: true, false, a whole number of 64 bits, or itself."""
    if text in ("true", "false"):
        return text == "true"
    return int(text) if _is_integer_text(text) and -(2**63) <= int(text) < 2**64 else text


def remove_value(config: StackConfig, key: str, *, path: bool) -> None:
    name, steps = steps_of(key, path=path)
    full = config.full_key(name)
    if full not in config.values:
        return
    if steps:
        config.values[full] = remove(config.values[full], steps, (name,))
    else:
        del config.values[full]
    config.save("config", config.spelling(full), value=config.values.get(full))


def get_value(config: StackConfig, state_salt: str, key: str, *, path: bool) -> tuple[Any, bool]:
    """A value, decrypted, and whether it is secret.

    Raises:
        ConfigError: there is none.
    """
    name, steps = steps_of(key, path=path)
    full = config.full_key(name)
    try:
        raw = find(config.raw[full], steps)
    except KeyError:
        raise ConfigError(f"configuration key '{key}' not found for stack '{config.stack}'") from None
    return _open(raw, config.secrets(state_salt) if has_secure(raw) else None, f"{config.file}: {key}")


def all_values(config: StackConfig, state_salt: str, *, mask: str | None) -> dict[str, tuple[Any, bool]]:
    """All values by key, and whether they are secret; what is encrypted is decrypted, or replaced by a mask."""
    if mask is not None:
        return {key: (masked(raw, mask), has_secure(raw)) for key, raw in config.raw.items()}
    secrets = config.secrets(state_salt) if has_secure(config.raw) else None
    return {key: _open(raw, secrets, f"{config.file}: {key}") for key, raw in config.raw.items()}
