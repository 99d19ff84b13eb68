"""Parts of configuration values: set, removed and found as the official command line does it, with its refusals."""

import json
from pathlib import Path
from typing import Any

import pytest
from differential import EMBEDDED, call, environment, set_up
from hypothesis import given
from hypothesis import strategies as some

from localcloud.engine import paths
from localcloud.engine.config_objects import find, put, remove, steps_of
from localcloud.engine.errors import ConfigError, EngineError

SECRET = {"secure": "v1:x:y"}


@given(
    some.dictionaries(some.sampled_from("abc"), some.integers(), max_size=3), some.sampled_from("de"), some.integers()
)
def test_what_is_put_at_a_path_is_found_and_removed_there(document: dict[str, int], key: str, value: int) -> None:
    changed = put(document, (key, "deep", 0), value, ("name",))
    assert find(changed, (key, "deep", 0)) == value
    assert find(remove(changed, (key, "deep", 0), ("name",)), (key, "deep")) == []


@pytest.mark.parametrize(
    ("old", "path", "new"),
    [
        pytest.param("text", "a.k", {"k": 1}, id="a text at the first level is put aside"),
        pytest.param(SECRET, "a.k", {"k": 1}, id="so is a secret, whole"),
        pytest.param(SECRET, "a.secure", {"secure": 1}, id="and not opened up"),
        pytest.param(None, "a[2]", [None, None, 1], id="a list that is made is as long as it must be"),
        pytest.param({"b": None}, "a.b[0].c", {"b": [{"c": 1}]}, id="where nothing is yet, maps and lists are made"),
        pytest.param([1], "a[1]", [1, 1], id="at the end of a list"),
    ],
)
def test_parts_are_put(old: Any, path: str, new: Any) -> None:
    assert put(old, paths.parse(path)[1:], 1, ("a",)) == new


@pytest.mark.parametrize(
    ("old", "path", "said"),
    [
        pytest.param({"b": "text"}, "a.b.c", "a.b: expected a map", id="text"),
        pytest.param({"b": SECRET}, "a.b.c", "a.b: expected a map", id="secret"),
        pytest.param({"b": SECRET}, "a.b[0]", "a.b: expected an array", id="secret as a list"),
        pytest.param({"b c": 1}, 'a["b c"].d', 'a["b c"]: expected a map', id="quoted name"),
        pytest.param({"b": 1}, "a[0]", "a[0]: key for a map must be a string", id="index into a map"),
        pytest.param([1], "a.b", "a.b: key for an array must be an int", id="name into a list"),
        pytest.param([1], "a[2]", "a[2]: array index out of range", id="past the end"),
        pytest.param([1], "a[-1]", "a[-1]: array index out of range", id="before the start"),
        pytest.param(None, "a.b.secure", 'maps with the single key "secure" are reserved', id="what would be a secret"),
    ],
)
def test_what_stands_on_the_way_is_not_destroyed(old: Any, path: str, said: str) -> None:
    with pytest.raises(ConfigError) as raised:
        put(old, paths.parse(path)[1:], "new", ("a",))
    assert str(raised.value) == f"could not set config: {said}"


@pytest.mark.parametrize(
    ("old", "path"),
    [
        pytest.param(SECRET, "a.secure", id="what is in a secret"),
        pytest.param({"0": 1}, "a[0]", id="index into a map"),
        pytest.param(["x"], "a.b", id="name into a list"),
        pytest.param(["x"], "a[-1]", id="before the start"),
        pytest.param("text", "a.b", id="within a text"),
    ],
)
def test_where_nothing_is_nothing_is_found_and_removed(old: Any, path: str) -> None:
    steps = paths.parse(path)[1:]
    with pytest.raises(KeyError):
        find(old, steps)
    assert remove(old, steps, ("a",)) == old


def test_what_is_left_does_not_pass_for_a_secret() -> None:
    with pytest.raises(ConfigError, match="reserved"):
        remove({"secure": "text", "k": 1}, ("k",), ("a",))


@pytest.mark.parametrize("key", ["", "[0]", ".a", "a.", '["x'])
def test_a_path_begins_with_a_name_and_ends_well(key: str) -> None:
    with pytest.raises(EngineError):
        steps_of(key, path=True)


def test_a_refused_change_leaves_the_file_as_it_is(tmp_path: Path) -> None:
    project, env = set_up(EMBEDDED, tmp_path), environment(tmp_path)
    call(EMBEDDED, ("config", "set", "--path", "--secret", "m.s", "hush"), project, env)
    before = (project / "Pulumi.dev.yaml").read_text()
    done = call(EMBEDDED, ("config", "set", "--path", "m.s.k", "plain"), project, env, check=False)
    assert (done.returncode, done.stderr) == (1, "error: could not set config: m.s: expected a map\n")
    call(EMBEDDED, ("config", "rm", "--path", "m.s.secure"), project, env)
    assert (project / "Pulumi.dev.yaml").read_text() == before
    assert call(EMBEDDED, ("config", "get", "--path", "m.s"), project, env).stdout == "hush\n"


def test_flags_may_stand_between_key_and_value(tmp_path: Path) -> None:
    project, env = set_up(EMBEDDED, tmp_path), environment(tmp_path)
    call(EMBEDDED, ("config", "set", "hidden", "--secret", "hush"), project, env)
    call(EMBEDDED, ("config", "set", "negative", "--", "-5"), project, env)
    assert "hush" not in (project / "Pulumi.dev.yaml").read_text()
    assert call(EMBEDDED, ("config", "get", "hidden"), project, env).stdout == "hush\n"
    assert call(EMBEDDED, ("config", "get", "negative"), project, env).stdout == "-5\n"
    wrong = call(EMBEDDED, ("config", "set", "a", "--path", "b", "c"), project, env, check=False)
    assert "unknown flag or argument: c" in wrong.stderr


def test_values_are_listed_as_the_official_command_line_lists_them(tmp_path: Path) -> None:
    project, env = set_up(EMBEDDED, tmp_path), environment(tmp_path)

    def config(*words: str) -> str:
        return call(EMBEDDED, ("config", *words), project, env).stdout

    config("set", "text", "5")
    config("set", "--path", "tree.on", "true")
    config("set", "--path", "tree.leaves[0]", "1")
    config("set", "--path", "--secret", "tree.hidden", "hush")
    tree = {"hidden": "hush", "leaves": [1], "on": True}
    full = {"value": '{"hidden":"hush","leaves":[1],"on":true}', "objectValue": tree, "secret": True}
    assert 'tree              {"hidden":"[secret]","leaves":[1],"on":true}\n' in config()
    listed = json.loads(config("--json"))
    assert listed["scenario:text"] == {"value": "5", "secret": False}
    assert listed["scenario:tree"] == {"secret": True}
    assert json.loads(config("--json", "--show-secrets"))["scenario:tree"] == full
    assert json.loads(config("get", "tree", "--json")) == full
    assert json.loads(config("get", "--path", "tree.leaves", "--json")) == {
        "value": "[1]",
        "objectValue": [1],
        "secret": False,
    }
