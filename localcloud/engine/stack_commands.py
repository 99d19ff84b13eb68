"""The verb `stack` and those under it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from localcloud.engine import project
from localcloud.engine.arguments import Arguments, Parser, add_verb, confirm, directory_of, one_name
from localcloud.engine.backend import write_atomically
from localcloud.engine.checkpoint import decode_deployment, manifest, parse_checkpoint
from localcloud.engine.codec import Codec
from localcloud.engine.config import StackConfig
from localcloud.engine.display.text import ago, for_json, harmless, raw, tell
from localcloud.engine.errors import EngineError, NoStackSelectedError, StackNotFoundError, UnsupportedError, UsageError
from localcloud.engine.resource import encode_resource
from localcloud.engine.session import Session
from localcloud.engine.urns import STACK_TYPE
from localcloud.engine.values import Properties, Value


def add_stack_commands(verbs: Any) -> None:
    stack = add_verb(verbs, "stack", "the stack and its state", _stack)
    stack.add_argument("--show-urns", action="store_true")
    stack.add_argument("--show-name", action="store_true")
    inner = stack.add_subparsers(metavar="command", parser_class=Parser)
    init = add_verb(inner, "init", "create a stack and select it", _stack_init)
    init.add_argument("name", nargs="?")
    init.add_argument("--no-select", action="store_true")
    init.add_argument("--secrets-provider", default="passphrase")
    select = add_verb(inner, "select", "select a stack", _stack_select)
    select.add_argument("name", nargs="?")
    select.add_argument("-c", "--create", action="store_true")
    listing = add_verb(inner, "ls", "list the project's stacks", _stack_ls)
    listing.add_argument("-j", "--json", action="store_true")
    remove = add_verb(inner, "rm", "forget a stack", _stack_rm)
    remove.add_argument("name", nargs="?")
    remove.add_argument("-y", "--yes", action="store_true")
    remove.add_argument("-f", "--force", action="store_true", help="although it has resources")
    remove.add_argument("--preserve-config", action="store_true")
    output = add_verb(inner, "output", "show the stack's outputs", _stack_output)
    output.add_argument("name", nargs="?")
    output.add_argument("-j", "--json", action="store_true")
    output.add_argument("--show-secrets", action="store_true")
    export = add_verb(inner, "export", "print the stack's state", _stack_export)
    export.add_argument("--file")
    export.add_argument("--show-secrets", action="store_true")


def _stack(found: Arguments) -> int:
    stack = Session.open(directory_of(found)).stack(found.stack)
    if found.show_name:
        print(stack.name)
        return 0
    resources = (stack.raw or {}).get("resources") or []
    print(f"Current stack is {stack.name}:\n    Managed by {stack.files.full_name}")
    print(f"Current stack resources ({len(resources)}):")
    for resource in resources:
        name = harmless(
            resource["urn"] if found.show_urns else f"{resource['type']}  {resource['urn'].split('::', 3)[3]}"
        )
        print(f"    {name}")
    return 0


def _stack_init(found: Arguments) -> int:
    session = Session.open(directory_of(found))
    if found.secrets_provider not in ("passphrase", "default"):
        raise UnsupportedError(f"the secrets provider {found.secrets_provider.partition(':')[0]}")
    given = one_name(found.name, found.stack)
    if not given:
        raise UsageError("a stack needs a name: pulumi stack init <name>")
    name = project.simple_name(session.project, given)
    files = session.backend.stack(session.project.name, name)
    if files.exists():
        raise EngineError(f"stack '{name}' already exists")
    session.backend.prepare()
    files.create()
    StackConfig(session.project, name).secrets_or_new()
    if not found.no_select:
        project.select_stack(session.project, name)
    print(f"Created stack '{name}'")
    return 0


def _stack_select(found: Arguments) -> int:
    session = Session.open(directory_of(found))
    given = one_name(found.name, found.stack)
    if not given:
        raise StackNotFoundError("which stack? pulumi stack select <name>; `pulumi stack ls` lists them")
    name = project.simple_name(session.project, given)
    if not session.backend.stack(session.project.name, name).exists():
        if not found.create:
            raise StackNotFoundError(f"no stack named '{name}' found")
        found.name, found.stack, found.no_select, found.secrets_provider = name, None, False, "passphrase"
        return _stack_init(found)
    project.select_stack(session.project, name)
    return 0


def _stack_ls(found: Arguments) -> int:
    session = Session.open(directory_of(found))
    try:
        current = project.selected_stack(session.project, found.stack)
    except (NoStackSelectedError, StackNotFoundError, UsageError):
        current = ""
    rows: list[dict[str, Any]] = []
    for name in session.backend.stacks(session.project.name):
        files = session.backend.stack(session.project.name, name)
        latest = parse_checkpoint(files.read(), str(files.file)) or {}
        time = (latest.get("manifest") or {}).get("time") or datetime.fromtimestamp(
            files.file.stat().st_mtime, UTC
        ).isoformat()
        rows.append(
            {
                "name": name,
                "current": name == current,
                "lastUpdate": datetime.fromisoformat(time).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
                "resourceCount": len(latest.get("resources") or []),
            }
        )
    if found.json:
        print(json.dumps(rows, indent=2))
        return 0
    table = [("NAME", "LAST UPDATE", "RESOURCE COUNT")]
    for row in rows:
        mark = "*" if row["current"] else ""
        since = datetime.now(UTC) - datetime.fromisoformat(row["lastUpdate"])
        table.append((f"{row['name']}{mark}", ago(since.total_seconds()), str(row["resourceCount"])))
    first, second = (max(len(line[column]) for line in table) for column in (0, 1))
    for name, when, count in table:
        print(f"{name:<{first}}  {when:<{second}}  {count}")
    return 0


def _stack_rm(found: Arguments) -> int:
    session = Session.open(directory_of(found))
    stack = session.stack(one_name(found.name, found.stack))
    if (stack.raw or {}).get("resources") and not found.force:
        raise EngineError(
            f"'{stack.name}' still has resources; removal rejected. Possible actions:\n"
            "- Make sure that the stack has no resources by running `pulumi destroy`\n"
            "- Pass `--force` to remove it although it has: what it made will be left behind"
        )
    confirm(found, f"This will permanently remove the '{stack.name}' stack! Type yes to go on: ")
    with stack.files.lock():
        stack.files.remove()
    if not found.preserve_config:
        stack.config_file.file.unlink(missing_ok=True)
    try:
        if project.selected_stack(session.project, None) == stack.name:
            project.select_stack(session.project, None)
    except (NoStackSelectedError, StackNotFoundError, UsageError):
        pass
    print(f"Stack '{stack.name}' has been removed!")
    return 0


def _outputs(found: Arguments) -> Properties:
    stack = Session.open(directory_of(found)).stack(found.stack)
    for resource in (stack.raw or {}).get("resources") or []:
        if resource.get("type") == STACK_TYPE and not resource.get("delete"):
            codec = stack.codec() if "ciphertext" in json.dumps(resource.get("outputs") or {}) else Codec(None)
            return codec.decode(resource.get("outputs"), "")
    return {}


def _json(value: Value, *, show_secrets: bool) -> str:
    return json.dumps(for_json(value, show_secrets=show_secrets), ensure_ascii=False, indent=2, sort_keys=True)


def _stack_output(found: Arguments) -> int:
    outputs = _outputs(found)
    if found.name is not None:
        if found.name not in outputs:
            raise EngineError(f"current stack does not have output property '{found.name}'")
        value = outputs[found.name]
        if found.json:
            tell(_json(value, show_secrets=found.show_secrets))
        else:
            tell(raw(value, show_secrets=found.show_secrets))
        return 0
    if found.json:
        tell(_json(outputs, show_secrets=found.show_secrets))
        return 0
    print(f"Current stack outputs ({len(outputs)}):")
    if not outputs:
        print("    No output values currently in this stack")
        return 0
    width = max(map(len, [*outputs, "OUTPUT"]))
    print(f"    {'OUTPUT':<{width}}  VALUE")
    for key in sorted(outputs):
        print(f"    {harmless(key):<{width}}  {harmless(raw(outputs[key], show_secrets=found.show_secrets))}")
    return 0


def _stack_export(found: Arguments) -> int:
    stack = Session.open(directory_of(found)).stack(found.stack)
    deployment: dict[str, Any] = dict(stack.raw or {"manifest": manifest()})
    if found.show_secrets and stack.raw:
        codec = stack.codec(show_secrets=True)
        state = decode_deployment(stack.raw, codec)
        deployment["resources"] = [encode_resource(resource, codec) for resource in state.resources]
        if state.pending:
            deployment["pending_operations"] = [
                {"resource": encode_resource(each.resource, codec), "type": each.type} for each in state.pending
            ]
    text = json.dumps({"version": 3, "deployment": deployment}, indent=4, ensure_ascii=False)
    if found.file:
        write_atomically(Path(found.file).absolute(), text + "\n")
    else:
        tell(text)
    return 0
