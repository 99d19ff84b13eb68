# ruff: noqa: S311  chance is no secret
"""An engine killed at any moment of any program loses nothing: the file loads, names all that exists, and the next run ends clean."""

import json
import os
import random
import subprocess
import time
from pathlib import Path

import pytest
from differential import EMBEDDED, call, environment, load, run_phase, set_up, write_program
from scenarios import DESTROY, UP, Phase


def program(dice: random.Random) -> str:
    """A random program: things that depend on one another, some of them replaced on a change, deleted first or not."""
    lines: list[str] = []
    for at in dice.sample(range(8), dice.randint(3, 7)):
        on = [each for each in range(8) if f"t{each} = " in "\n".join(lines) and dice.random() < 0.3]
        inputs = [f"value={dice.randint(0, 2)}"]
        if dice.random() < 0.5:
            inputs.append(f"replaceMe={dice.randint(0, 2)}")
        if dice.random() < 0.3:
            inputs.append("deleteFirst=True")
        inputs.extend(f"{'replaceOn' if dice.random() < 0.4 else 'on'}{each}=t{each}.name" for each in on)
        lines.append(f't{at} = Thing("t{at}", {", ".join(inputs)})')
    return "\n".join(lines)


def accounted_for(folder: Path) -> set[str]:
    """Ids of objects that the state holds or that a pending operation may have made."""
    state = load(folder)
    held = {each["id"] for each in state.get("resources", ()) if each.get("id")}
    return held | {f"id-{each['resource']['inputs']['name']}" for each in state.get("pending_operations", ())}


def objects(folder: Path) -> set[str]:
    return {path.name for path in (folder / "cloud").iterdir() if not path.name.startswith(".")}


def settle(folder: Path, project: Path, source: str) -> None:
    """Go on after whatever happened, to the end and down again."""
    done = run_phase(EMBEDDED, Phase(source), folder, project)
    assert done["exit"] == 0, done["said"]
    things = {each["id"] for each in load(folder)["resources"] if each["type"] == "scripted:index:Thing"}
    assert objects(folder) == things
    assert len(things) == source.count("Thing(")


def kill_on_the_way(dice: random.Random, folder: Path, project: Path, env: dict[str, str]) -> None:
    """Kill an engine after a random number of calls to its plugin, so that the moment does not hang on the machine's speed."""
    log = folder / "rpc.jsonl"
    log.unlink(missing_ok=True)
    engine = subprocess.Popen(
        [*EMBEDDED, *UP], cwd=project, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    calls = dice.randint(0, 4 * (project / "__main__.py").read_text().count("Thing("))
    while engine.poll() is None and (log.read_text().count("\n") if log.exists() else 0) < calls:
        time.sleep(0.005)
    time.sleep(dice.uniform(0, 0.1))
    engine.kill()
    engine.wait()
    time.sleep(0.2)  # its plugins die with it


def walk(dice: random.Random, folder: Path, steps: int) -> None:
    project = set_up(EMBEDDED, folder)
    env = environment(folder, {"SCRIPTED_SLEEP": "0.05"})
    for _ in range(steps):
        source = program(dice)
        write_program(project, source)
        kill_on_the_way(dice, folder, project, env)
        assert objects(folder) <= accounted_for(folder)
        if dice.random() < 0.3:
            settle(folder, project, source)
    settle(folder, project, program(dice))
    done = run_phase(EMBEDDED, Phase(command=DESTROY), folder, project)
    assert done["exit"] == 0, done["said"]
    assert objects(folder) == set()


def seeds(count: int) -> list[int]:
    first = int(os.environ.get("SOAK_SEED") or random.SystemRandom().randrange(10**6))
    return [first + at for at in range(count)]


def test_a_killed_engine_loses_nothing(tmp_path: Path) -> None:
    (seed,) = seeds(1)
    print(f"SOAK_SEED={seed}")
    walk(random.Random(seed), tmp_path, 3)


@pytest.mark.soak
def test_two_hundred_kills_lose_nothing(tmp_path: Path) -> None:
    for seed in seeds(20):
        print(f"SOAK_SEED={seed}")
        walk(random.Random(seed), tmp_path / str(seed), 10)


@pytest.mark.soak
def test_random_failures_of_plugins_lose_nothing(tmp_path: Path) -> None:
    for seed in seeds(10):
        print(f"SOAK_SEED={seed}")
        dice = random.Random(seed)
        folder = tmp_path / str(seed)
        project, source = set_up(EMBEDDED, folder), ""
        for _ in range(8):
            source = program(dice)
            run_phase(EMBEDDED, Phase(source, env={"SCRIPTED_FAIL": "0.2"}), folder, project)
            assert objects(folder) <= accounted_for(folder)
        settle(folder, project, source)
        assert run_phase(EMBEDDED, Phase(command=DESTROY), folder, project)["objects"] == []


def test_a_second_engine_meanwhile_is_refused_and_told_who_holds_the_lock(tmp_path: Path) -> None:
    project = set_up(EMBEDDED, tmp_path)
    told = tmp_path / "told"
    write_program(project, f"Thing('a', until={str(told)!r})")
    first = subprocess.Popen(
        [*EMBEDDED, *UP], cwd=project, env=environment(tmp_path), stdout=subprocess.PIPE, text=True
    )
    assert first.stdout is not None
    first.stdout.readline()
    done = call(EMBEDDED, UP, project, environment(tmp_path), check=False)
    told.touch()
    assert done.returncode == 1
    assert f"(pid {first.pid})" in done.stderr
    output = first.communicate(timeout=60)[0]
    assert first.returncode == 0, output
    assert (
        len(
            json.loads((tmp_path / "backend/.pulumi/stacks/scenario/dev.json").read_text())["checkpoint"]["latest"][
                "resources"
            ]
        )
        == 3
    )
