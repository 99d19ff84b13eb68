"""Bad programs, bad plugins, bad states: one clear message, the right exit code, the state intact."""

import json
import os
import resource
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from differential import EMBEDDED, call, environment, load, run_phase, set_up, write_program
from scenarios import DESTROY, UP, Phase

TWO = 'a = Thing("a", value=1)\nb = Thing("b", value=a.made)'


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return set_up(EMBEDDED, tmp_path)


def up(project: Path, program: str, **env: str) -> subprocess.CompletedProcess[str]:
    write_program(project, program)
    return call(EMBEDDED, UP, project, environment(project.parent, env), check=False)


def up_until(project: Path, words: str) -> subprocess.Popen[str]:
    """An `up` left running once it has printed these words."""
    engine = subprocess.Popen(
        [*EMBEDDED, *UP],
        cwd=project,
        env=environment(project.parent),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    read_until(engine, words)
    return engine


def read_until(engine: subprocess.Popen[str], words: str) -> None:
    assert engine.stdout is not None
    next(line for line in engine.stdout if words in line)


@pytest.mark.parametrize(
    ("program", "said"),
    [
        pytest.param("def f(:", "SyntaxError", id="syntax error"),
        pytest.param('Thing("a")\nraise KeyError("lost")', "KeyError: 'lost'", id="exception"),
        pytest.param(
            'import os\nThing("a")\nos._exit(0)',
            "exited before all it registered was done",
            id="exit as if all were well",
        ),
        pytest.param("raise SystemExit(3)", "exited with non-zero exit code: 3", id="exit with a code"),
        pytest.param('Thing("a")\nThing("a")', "Duplicate resource URN", id="duplicate URN"),
        pytest.param('Thing("a", fail="check")', "told to fail in Check", id="check failure"),
        pytest.param('Thing("a", opts=Options(id=""))', "Expected an ID for urn:", id="look-up without an id"),
        pytest.param(
            'Thing("a", fail="diff", value=1)\nThing("b", fail="die-create")',
            "exited with code 7",
            id="plugin dies in Create",
        ),
        pytest.param('Thing("a", opts=Options(import_="x"))', "import_", id="import is refused"),
        pytest.param(
            'Thing("a", opts=Options(transforms=[lambda a: None]))', "transforms", id="transforms are refused"
        ),
        pytest.param(
            'Thing("a", opts=Options(hooks=pulumi.ResourceHookBinding(before_create=[lambda a: None])))',
            "hooks",
            id="hooks are refused",
        ),
        pytest.param(
            'pulumi.StackReference("organization/x/y")', "stack references", id="stack references are refused"
        ),
        pytest.param(
            'Thing("a", opts=Options(replace_with=[Thing("b")]))', "replace_with", id="replace_with is refused"
        ),
        pytest.param(
            'print("\\x1b]0;owned\\x07\\x1b[2J")\npulumi.log.warn("\\x1b[31mred")\nraise ValueError("\\x1b[1A")',
            "\\x1b",
            id="control sequences are spelt out",
        ),
    ],
)
def test_programs_that_fail_are_explained(program: str, said: str, project: Path) -> None:
    done = up(project, program)
    assert done.returncode == 1
    assert said in done.stdout + done.stderr
    assert "\x1b" not in done.stdout + done.stderr
    assert "localcloud/engine" not in done.stdout + done.stderr
    load(project.parent)


@pytest.mark.parametrize(
    ("script", "said"),
    [
        pytest.param(None, "no resource plugin 'missing' found", id="missing"),
        pytest.param("#!/bin/sh\nexit 3\n", "exited with code 3", id="ends at once"),
        pytest.param("#!/bin/sh\necho hello\nsleep 60\n", "'hello' where its port was expected", id="prints no port"),
        pytest.param("#!/bin/sh\necho why >&2\nexit 1\n", "why", id="says why"),
        pytest.param("not executable", "not executable", id="not executable"),
    ],
)
def test_plugins_that_do_not_start_are_named(script: str | None, said: str, project: Path) -> None:
    folder = project / "plugins"
    folder.mkdir()
    if script is not None:
        path = folder / "pulumi-resource-missing"
        path.write_text(script)
        path.chmod(0o644 if script == "not executable" else 0o755)
    path_variable = f"{folder}{os.pathsep}{environment(project.parent)['PATH']}"
    done = up(project, 'pulumi.CustomResource("missing:index:Thing", "a", {})', PATH=path_variable)
    assert done.returncode == 1
    assert said in done.stdout


EVERYTHING = (
    'p = Provider("p", account="{account}")\na = Thing("a", value={value}, replaceMe={value}, opts=Options(provider=p))\n'
    'i = pulumi.runtime.invoke("scripted:index:echo", {{}}).value\nb = Thing("b", value={value})\n'
    'r = Remote("r", value=1)\ng = Thing("g", opts=Options(id="id-g"))'
)


def test_what_cannot_be_looked_into_on_path_holds_no_plugin(project: Path) -> None:
    path = f"{'x' * 300}{os.pathsep}{environment(project.parent)['PATH']}"  # no folder has so long a name
    done = up(project, 'Thing("a")', PATH=path)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "call_",
    [
        pytest.param(name, id=name, marks=() if name in ("Check", "Delete") else pytest.mark.soak)
        for name in "Handshake CheckConfig DiffConfig Configure Check Diff Create Update Delete Read Invoke Construct".split()  # noqa: SIM905  a list of words
    ],
)
def test_a_plugin_may_die_at_any_call(call_: str, project: Path) -> None:
    folder = project.parent
    (folder / "cloud/id-g").write_text('{"name": "g"}')
    assert up(project, EVERYTHING.format(account="x", value=1)).returncode == 0
    done = up(project, EVERYTHING.format(account="y", value=2), SCRIPTED_DIE=call_)
    said = done.stdout + done.stderr
    assert done.returncode == 1, said
    assert "the plugin scripted exited with code 7" in said
    assert "Traceback" not in said
    after = run_phase(EMBEDDED, Phase(EVERYTHING.format(account="y", value=2)), folder, project)
    assert after["exit"] == 0, after["said"]
    assert after["state"]["pending"] == []


def test_a_plugin_that_answers_late_is_waited_for(project: Path) -> None:
    done = up(project, TWO, SCRIPTED_LATE="0.3")
    assert done.returncode == 0, done.stdout
    assert "+ 3 created" in done.stdout


def test_a_wrong_passphrase_is_told_before_anything_is_done(project: Path) -> None:
    done = up(project, TWO, PULUMI_CONFIG_PASSPHRASE="wrong")
    assert done.returncode == 1
    assert "incorrect passphrase" in done.stderr
    assert list((project.parent / "cloud").iterdir()) == []


def test_a_damaged_state_file_is_left_as_it_is(project: Path) -> None:
    file = project.parent / "backend/.pulumi/stacks/scenario/dev.json"
    file.write_text('{"version":3,"checkpoint":{"stack"')
    done = up(project, TWO)
    assert done.returncode == 1
    assert "damaged" in done.stderr
    assert file.read_text() == '{"version":3,"checkpoint":{"stack"'


def test_a_full_disk_loses_nothing(project: Path) -> None:
    """The limit on the size of files stands in for the disk: the state outgrows it, the objects do not."""
    up(project, TWO)
    write_program(project, f"{TWO}\nc = Thing('c', value='x' * 9000)")
    limited: Callable[[], None] = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (8000, 8000))  # noqa: E731
    env = {name: value for name, value in environment(project.parent).items() if name != "SCRIPTED_LOG"}
    done = subprocess.run(
        [*EMBEDDED, *UP],
        cwd=project,
        env=env,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=limited,
        timeout=60,
    )
    assert done.returncode == 1, done.stdout
    assert "cannot be written" in done.stdout + done.stderr
    assert len(load(project.parent)["resources"]) == 4


def test_a_program_that_waits_forever_is_ended_by_an_interrupt(project: Path) -> None:
    write_program(project, "Thing('a')\nimport time\nprint('waiting', flush=True)\ntime.sleep(600)")
    engine = up_until(project, "waiting")
    engine.send_signal(signal.SIGINT)
    rest, _ = engine.communicate(timeout=60)
    assert engine.returncode == 8, rest
    assert "interrupted" in rest
    assert load(project.parent).get("pending_operations", []) == []


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        pytest.param(("upp",), 1, "'preview'", id="unknown verb"),
        pytest.param(("up", "--tarrget", "x"), 1, "--replace", id="unknown flag"),
        pytest.param(("config", "get"), 1, "required: key", id="missing argument"),
        pytest.param(
            ("up", "--target", "x"), 2, "--target: the embedded engine does not", id="the official CLI's flag"
        ),
        pytest.param(("up",), 2, "--yes", id="nobody to confirm"),
        pytest.param(("refresh",), 1, "--yes", id="nobody to confirm a refresh"),
        pytest.param(
            ("destroy", "-f", "--preview-only"), 1, "--skip-preview and --preview-only", id="flags that clash"
        ),
        pytest.param(("stack", "rm"), 1, "--yes", id="nobody to confirm that a stack goes"),
        pytest.param(("stack", "rm", "dev", "--stack", "two", "--yes"), 1, "named twice", id="two names"),
        pytest.param(("stack", "init", "a b"), 1, "'a b' is no name", id="no name for a stack"),
        pytest.param(("stack", "select"), 6, "which stack?", id="nothing to select"),
        pytest.param(("preview", "-s", "organization/other/dev"), 6, "another project", id="another project's stack"),
        pytest.param(("preview", "-s", "nope"), 6, "no stack named 'nope'", id="unknown stack"),
        pytest.param(("stack", "output", "nope"), 1, "'nope'", id="unknown output"),
        pytest.param(("config", "get", "nope"), 1, "'nope' not found", id="unknown key"),
        pytest.param(("stack", "init", "dev"), 1, "already exists", id="stack exists"),
    ],
)
def test_wrong_commands_say_what_there_is(command: tuple[str, ...], code: int, said: str, project: Path) -> None:
    done = call(EMBEDDED, command, project, environment(project.parent), check=False)
    assert done.returncode == code
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_stack_that_is_selected_but_gone_is_not_taken_for_one_that_is_named(project: Path) -> None:
    env = environment(project.parent, {"PULUMI_STACK": "gone"})
    done = call(EMBEDDED, ("preview",), project, env, check=False)
    assert done.returncode == 1
    assert "no stack selected: there is none named 'gone'" in done.stderr
    listed = call(EMBEDDED, ("stack", "ls"), project, env).stdout.splitlines()
    assert [line.split()[0] for line in listed] == ["NAME", "dev"]


def test_locks_are_cancelled_where_nobody_can_confirm(project: Path) -> None:
    assert call(EMBEDDED, ("cancel",), project, environment(project.parent)).stdout == "'dev' is not locked.\n"


def test_a_target_that_is_not_in_the_state_is_named(project: Path) -> None:
    command = (*UP, "--replace", "nope", "--replace", "no$pe")
    done = call(EMBEDDED, command, project, environment(project.parent), check=False)
    assert done.returncode == 1
    assert (
        "error: Target 'nope' could not be found in the stack. Did you forget to escape $ in your shell?" in done.stdout
    )
    assert "error: Target 'no$pe' could not be found in the stack.\n" in done.stdout


def test_a_program_edited_within_a_second_runs_as_it_stands(project: Path) -> None:
    env, soon = environment(project.parent), time.time() + 60  # not a second ago, however slow the machine is
    for value in (1, 2):
        write_program(project, f"Thing('a', value={value})")
        os.utime(project / "__main__.py", (soon, soon))
        assert call(EMBEDDED, UP, project, env, check=False).returncode == 0
    (made,) = (each for each in load(project.parent)["resources"] if each["urn"].endswith("::a"))
    assert made["inputs"]["value"] == 2


def test_expected_and_unexpected_changes_have_their_exit_codes(project: Path) -> None:
    assert up(project, TWO).returncode == 0
    env = environment(project.parent)
    assert call(EMBEDDED, ("preview", "--expect-no-changes"), project, env, check=False).returncode == 0
    write_program(project, "a = Thing('a', value=2)")
    done = call(EMBEDDED, ("preview", "--expect-no-changes", "--json"), project, env, check=False)
    assert done.returncode == 7
    assert json.loads(done.stdout)["changeSummary"] == {"same": 1, "update": 1, "delete": 1}
    assert done.stderr == "error: no changes were expected for preview but changes were proposed\n"


def test_outputs_are_told_with_their_names_in_order(project: Path) -> None:
    assert (
        up(project, 'pulumi.export("z", {"b": 1, "a": pulumi.Output.secret(2)})\npulumi.export("c", 1)').returncode == 0
    )
    env = environment(project.parent)
    shown = call(EMBEDDED, ("stack", "output", "--json"), project, env).stdout
    assert shown == json.dumps({"c": 1, "z": {"a": "[secret]", "b": 1}}, indent=2) + "\n"
    assert call(EMBEDDED, ("stack", "output", "z"), project, env).stdout == '{"a":"[secret]","b":1}\n'


def test_a_preview_lists_what_changes_for_scripts(project: Path) -> None:
    rest = 'b = Thing("b", opts=Options(protect={}))\nc = Thing("c")\np = Provider("p")'
    assert up(project, f'a = Thing("a", replaceMe=1)\n{rest.format("True")}\ng = Group("g")').returncode == 0
    write_program(project, f'a = Thing("a", replaceMe=2)\n{rest.format("False")}')
    document = json.loads(call(EMBEDDED, ("preview", "--json"), project, environment(project.parent)).stdout)
    listed = [(step["op"], step["urn"].rpartition("::")[2]) for step in document["steps"]]
    assert sorted(listed) == [("delete", "g"), ("replace", "a"), ("same", "b"), ("same", "scenario-dev")]


def test_a_cut_off_creation_is_found_and_taken_in_or_cleared(project: Path) -> None:
    """What a kill leaves, made by hand: one object that came to be, one that did not."""
    folder = project.parent
    assert up(project, TWO).returncode == 0
    file = folder / "backend/.pulumi/stacks/scenario/dev.json"
    document = json.loads(file.read_text())
    latest = document["checkpoint"]["latest"]
    *kept, b = latest["resources"]
    assert b["urn"].endswith("::b")
    ghost = {**b, "urn": b["urn"][:-1] + "c", "inputs": {**b["inputs"], "name": "never"}}
    planned = [{key: value for key, value in each.items() if key not in ("id", "outputs")} for each in (b, ghost)]
    latest["resources"] = kept
    latest["pending_operations"] = [{"resource": each, "type": "creating"} for each in planned]
    file.write_text(json.dumps(document))
    done = run_phase(EMBEDDED, Phase(TWO), folder, project)
    assert done["exit"] == 0, done["said"]
    assert done["summary"] == ["3 unchanged"]
    assert done["state"]["pending"] == []
    assert len(done["objects"]) == 2
    assert run_phase(EMBEDDED, Phase(command=DESTROY), folder, project)["objects"] == []


def test_config_is_set_read_and_removed(project: Path) -> None:
    env = environment(project.parent)
    for command in (
        ("config", "set", "plain", "text"),
        ("config", "set", "--secret", "hidden", "hush"),
        ("config", "set", "--path", "tree.branch[0].leaf", "7"),
        ("config", "set", "--path", "tree.on", "true"),
    ):
        call(EMBEDDED, command, project, env)
    assert call(EMBEDDED, ("config", "get", "hidden"), project, env).stdout == "hush\n"
    assert call(EMBEDDED, ("config", "get", "--path", "tree.branch[0]"), project, env).stdout == '{"leaf":7}\n'
    shown = call(EMBEDDED, ("config",), project, env).stdout
    assert "hush" not in shown + (project / "Pulumi.dev.yaml").read_text()
    program = 'c = pulumi.Config()\npulumi.export("all", [c.require("plain"), c.require_secret("hidden"), c.require_object("tree")])'
    assert up(project, program).returncode == 0
    outputs = call(EMBEDDED, ("stack", "output", "--json", "--show-secrets"), project, env).stdout
    assert json.loads(outputs)["all"] == ["text", "hush", {"branch": [{"leaf": 7}], "on": True}]
    everything = "".join(path.read_text() for path in (project.parent / "backend").rglob("*") if path.is_file())
    assert "hush" not in everything
    call(EMBEDDED, ("config", "rm", "plain"), project, env)
    assert "plain" not in (project / "Pulumi.dev.yaml").read_text()


def test_a_second_interrupt_ends_at_once_and_leaves_what_was_under_way_noted(project: Path) -> None:
    write_program(project, "Thing('slow', sleep=600)")
    engine = up_until(project, "slow creating")
    while '"rpc": "Create"' not in (project.parent / "rpc.jsonl").read_text():
        time.sleep(0.01)
    engine.send_signal(signal.SIGTERM)
    read_until(engine, "once more ends it at once")
    engine.send_signal(signal.SIGTERM)
    rest, _ = engine.communicate(timeout=60)
    assert engine.returncode == 8, rest
    (pending,) = load(project.parent)["pending_operations"]
    assert pending["type"] == "creating"
    assert pending["resource"]["urn"].endswith("::slow")
