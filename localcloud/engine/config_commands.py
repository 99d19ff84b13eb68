"""The verb `config` and those under it."""

from __future__ import annotations

import json
import sys
from typing import Any

from localcloud.engine import config as configuration
from localcloud.engine.arguments import Arguments, Parser, add_verb, directory_of
from localcloud.engine.config import StackConfig
from localcloud.engine.display.text import MASK, harmless, tell
from localcloud.engine.session import Session


def add_config_commands(verbs: Any) -> None:
    parser = add_verb(verbs, "config", "the stack's configuration", _config)
    parser.add_argument("--show-secrets", action="store_true")
    parser.add_argument("-j", "--json", action="store_true")
    inner = parser.add_subparsers(metavar="command", parser_class=Parser)
    setting = add_verb(inner, "set", "set a value", _config_set)
    setting.add_argument("key")
    setting.add_argument("value", nargs="?", help="read from standard input when missing")
    setting.add_argument("--secret", action="store_true")
    setting.add_argument("--plaintext", action="store_true")
    setting.add_argument("--path", action="store_true")
    getting = add_verb(inner, "get", "print a value", _config_get)
    getting.add_argument("key")
    getting.add_argument("--path", action="store_true")
    getting.add_argument("-j", "--json", action="store_true")
    removing = add_verb(inner, "rm", "remove a value", _config_rm)
    removing.add_argument("key")
    removing.add_argument("--path", action="store_true")


def _stack_config(found: Arguments) -> tuple[StackConfig, str]:
    stack = Session.open(directory_of(found)).stack(found.stack)
    return stack.config_file, stack.state_salt()


def _config_set(found: Arguments) -> int:
    config, salt = _stack_config(found)
    value = found.value
    if value is None:
        value = sys.stdin.read().rstrip("\n") if not sys.stdin.isatty() else input("value: ")
    secrets = config.secrets_or_new(salt) if found.secret else None
    configuration.set_value(config, found.key, value, secret=found.secret, path=found.path, secrets=secrets)
    return 0


def _config_get(found: Arguments) -> int:
    config, salt = _stack_config(found)
    value, secret = configuration.get_value(config, salt, found.key, path=found.path)
    tell(_json(_entry(value, secret=secret)) if found.json else configuration.as_text(value))
    return 0


def _entry(value: Any, *, secret: bool) -> dict[str, Any]:
    """A value as scripts get it."""
    nested = {"objectValue": value} if isinstance(value, dict | list) else {}
    return {"value": configuration.as_text(value), **nested, "secret": secret}


def _json(document: Any) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False)


def _config_rm(found: Arguments) -> int:
    config, _ = _stack_config(found)
    configuration.remove_value(config, found.key, path=found.path)
    return 0


def _config(found: Arguments) -> int:
    config, salt = _stack_config(found)
    values = configuration.all_values(config, salt, mask=None if found.show_secrets else MASK)
    if found.json:
        document = {
            key: {"secret": True} if secret and not found.show_secrets else _entry(value, secret=secret)
            for key, (value, secret) in sorted(values.items())
        }
        tell(_json(document))
        return 0
    own = f"{config.project.name}:"
    width = max((len(key.removeprefix(own)) for key in values), default=0)
    width = max(width, 3)
    print(f"{'KEY':<{width}}  VALUE")
    for key, (value, _) in sorted(values.items()):
        print(f"{key.removeprefix(own):<{width}}  {harmless(configuration.as_text(value))}")
    return 0
