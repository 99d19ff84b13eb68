"""Runs scenarios with an engine and makes what it did comparable."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from scenarios import HEADER, Phase

from localcloud.commands.engines import official_cli
from localcloud.engine.backend import Backend
from localcloud.engine.checkpoint import decode_deployment, parse_checkpoint
from localcloud.engine.codec import Codec
from localcloud.engine.resource import encode_resource
from localcloud.engine.secrets import SecretsManager

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parents[2]
RECORDED = HERE / "recorded"
PASSPHRASE = "correct horse"
SALT = (
    "v1:Z7J3kT/hKUU=:v1:Q0zJC+MSRW1B9bkL:EO0AoHb5tSlZv7r5HPBtm8K6e2EnJQ=="  # made once: a key takes a while to derive
)
EMBEDDED = (sys.executable, "-m", "localcloud.engine")
_SUFFIX = re.compile(r"-[0-9a-f]{7}\b")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
_RPC_FIELDS = (
    "rpc",
    "urn",
    "id",
    "olds",
    "news",
    "old_inputs",
    "properties",
    "inputs",
    "args",
    "preview",
    "ignoreChanges",
    "timeout",
    "tok",
    "type",
    "name",
    "parent",
    "providers",
    "dependencies",
    "inputDependencies",
    "dryRun",
)
_STATE_DROPS = ("created", "modified", "sourcePosition", "stackTrace")


def environment(folder: Path, extra: dict[str, str] | None = None) -> dict[str, str]:
    """What a command in a scenario's folder runs with."""
    (folder / "cloud").mkdir(parents=True, exist_ok=True)
    (folder / "backend").mkdir(exist_ok=True)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PULUMI_", "AWS_", "SCRIPTED_"))}
    return {
        **kept,
        "PULUMI_BACKEND_URL": f"file://{folder}/backend",
        "PULUMI_HOME": str(folder / "home"),
        "PULUMI_STACK": "dev",
        "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "PATH": f"{HERE / 'plugin'}{os.pathsep}{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(CHECKOUT),
        "PULUMI_VERIFY_EVERY_WRITE": "1",
        "SCRIPTED_PYTHON": sys.executable,
        "SCRIPTED_CLOUD": str(folder / "cloud"),
        "SCRIPTED_LOG": str(folder / "rpc.jsonl"),
        **(extra or {}),
    }


def official() -> str | None:
    """The official CLI on PATH."""
    return official_cli(os.environ.get("PATH", ""))


def set_up(engine: Sequence[str], folder: Path) -> Path:
    """A project with a stack `dev`; its folder has a space in its name."""
    project = folder / "a project"
    project.mkdir(parents=True)
    (project / "Pulumi.yaml").write_text("name: scenario\nruntime: python\nconfig:\n  scripted:account: conf\n")
    if tuple(engine) != EMBEDDED:
        call(engine, ("stack", "init", "dev"), project, environment(folder))
        return project
    (project / "Pulumi.dev.yaml").write_text(f"encryptionsalt: {SALT}\n")
    environment(folder)
    stack = Backend(folder / "backend").stack("scenario", "dev")
    stack.create()
    return project


def call(
    engine: Sequence[str], command: Sequence[str], project: Path, env: dict[str, str], *, check: bool = True
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [*engine, *command],
        cwd=project,
        env=env,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        stdin=subprocess.DEVNULL,
    )
    if check and done.returncode:
        raise AssertionError(f"{command} failed ({done.returncode}):\n{done.stdout}\n{done.stderr}")
    return done


def run(engine: Sequence[str], phases: list[Phase], folder: Path) -> list[dict[str, Any]]:
    """What an engine does in each phase of a scenario."""
    project = set_up(engine, folder)
    return [run_phase(engine, phase, folder, project) for phase in phases]


def run_phase(engine: Sequence[str], phase: Phase, folder: Path, project: Path) -> dict[str, Any]:
    env = environment(folder, phase.env)
    write_program(project, phase.program)
    for name, content in phase.files.items():
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(content)
    for name, content in phase.objects.items():
        path = folder / "cloud" / name
        path.unlink(missing_ok=True) if content is None else path.write_text(json.dumps(content))
    log = folder / "rpc.jsonl"
    log.unlink(missing_ok=True)
    done = call(engine, phase.command, project, env, check=False)
    exported = export(engine, folder, project, env)
    return {
        "command": " ".join(phase.command),
        "exit": done.returncode,
        "summary": _summary(done.stdout),
        "rpcs": _rpcs(log),
        "state": _state(exported),
        "objects": sorted(_text(path.name) for path in (folder / "cloud").iterdir()),
        "said": f"{done.stdout}\n{done.stderr}",
    }


def write_program(project: Path, program: str) -> None:
    (project / "__main__.py").write_text(f"{HEADER}\n{program}\n")


def export(engine: Sequence[str], folder: Path, project: Path, env: dict[str, str]) -> dict[str, Any]:
    """The state with its secrets laid open."""
    if tuple(engine) != EMBEDDED:
        return json.loads(call(engine, ("stack", "export", "--show-secrets"), project, env).stdout)["deployment"]
    return load(folder)


def load(folder: Path) -> dict[str, Any]:
    """The state in the file, loaded as the engine loads it, rules and all; quicker than a command."""
    text = (folder / "backend/.pulumi/stacks/scenario/dev.json").read_text()
    latest = parse_checkpoint(text, "dev.json")
    if latest is None:
        return {}
    codec = Codec(_manager(latest["secrets_providers"]["state"]["salt"]), show_secrets=True)
    state = decode_deployment(latest, codec)
    return {
        "resources": [encode_resource(resource, codec) for resource in state.resources],
        "pending_operations": [
            {"type": each.type, "resource": encode_resource(each.resource, codec)} for each in state.pending
        ],
    }


@cache
def _manager(salt: str) -> SecretsManager:
    return SecretsManager(PASSPHRASE, salt)


def _text(text: str) -> str:
    unmarked = text.replace(_UNKNOWN, "<unknown>")
    return _UUID.sub("<uuid>", _SUFFIX.sub("-<hex>", unmarked))


def _normal(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _normal(item) for key, item in sorted(value.items())}
    if isinstance(value, list):
        return [_normal(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return _text(value) if isinstance(value, str) else value


def _summary(output: str) -> list[str]:
    """The lines of the last block of resource counts."""
    _, found, rest = output.rpartition("Resources:\n")
    lines = [line.strip() for line in rest.split("\n\n")[0].splitlines()] if found else []
    return [line for line in lines if line and line[0] in "+-~<>=0123456789"]


def _rpcs(log: Path) -> dict[str, list[Any]]:
    """The calls for each URN, in order; calls about no resource under their method."""
    found: dict[str, list[Any]] = {}
    for line in log.read_text().splitlines() if log.exists() else []:
        entry = json.loads(line)
        if entry["rpc"] in ("Handshake", "Cancel"):
            continue
        kept = {key: entry[key] for key in _RPC_FIELDS if entry.get(key) not in (None, {}, [], "", False)}
        if entry["rpc"] == "Configure":
            kept = {"rpc": "Configure", "args": entry.get("args", {}), "urn": entry.get("urn", "")}
        for key in ("dependencies",):
            if key in kept:
                kept[key] = sorted(kept[key])
        found.setdefault(_text(entry.get("urn") or entry["rpc"]), []).append(_normal(kept))
    for calls in (found.get("Invoke", []), found.get("Construct", [])):
        calls.sort(key=lambda each: json.dumps(each, sort_keys=True))
    return dict(sorted(found.items()))


def _state(deployment: dict[str, Any]) -> dict[str, Any]:
    resources = [_resource(resource) for resource in deployment.get("resources") or []]
    pending = [
        {"type": each["type"], "urn": each["resource"]["urn"]} for each in deployment.get("pending_operations") or []
    ]
    return {"resources": sorted(resources, key=lambda each: json.dumps(each, sort_keys=True)), "pending": pending}


def _resource(resource: dict[str, Any]) -> dict[str, Any]:
    kept = {
        key: value
        for key, value in resource.items()
        if key not in _STATE_DROPS and value not in (None, {}, [], "", False)
    }
    if "dependencies" in kept:
        kept["dependencies"] = sorted(kept["dependencies"])
    if "propertyDependencies" in kept:
        kept["propertyDependencies"] = {key: sorted(each or []) for key, each in kept["propertyDependencies"].items()}
    kept["times"] = [name for name in ("created", "modified") if resource.get(name)]
    return _normal(kept)


def order_of_changes(log: Path) -> list[str]:
    """Creates, updates and deletes in the order in which they began."""
    entries = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    return [f"{each['rpc']} {each['urn']}" for each in entries if each["rpc"] in ("Create", "Update", "Delete")]
