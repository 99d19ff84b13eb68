"""Stacks pass between the engines. Runs where the official CLI is on PATH; nowhere else is there anything to test."""

import json
from pathlib import Path

from differential import EMBEDDED, call, environment, official, set_up
from scenarios import DESTROY, HEADER, UP

PROGRAM = f"""{HEADER}
config = pulumi.Config()
p = Provider("p", account="acc")
g = Group("g")
a = Thing("a", hush=config.require_secret("hidden"), text=pulumi.StringAsset("x"), opts=Options(parent=g, provider=p))
b = Thing("b", value=a.made, thing=a, opts=Options(depends_on=[g]))
r = Remote("r", value=b.name, opts=Options(providers=[p]))
pulumi.export("hush", config.require_secret("hidden"))
pulumi.export("child", r.childId)
"""
UNCHANGED = ("preview", "--expect-no-changes")
OFFICIAL = official()


def pass_on(first: tuple[str, ...], second: tuple[str, ...], folder: Path) -> None:
    """One engine makes a stack, the other finds it unchanged, adds to it, and the first takes it down."""
    project, env = set_up(EMBEDDED, folder), environment(folder)
    (project / "__main__.py").write_text(PROGRAM)
    call(first, ("config", "set", "--secret", "hidden", "hush"), project, env)
    call(first, UP, project, env)
    call(second, UNCHANGED, project, env)
    outputs = json.loads(call(second, ("stack", "output", "--json", "--show-secrets"), project, env).stdout)
    assert outputs["hush"] == "hush"
    (project / "__main__.py").write_text(PROGRAM + 'c = Thing("c", value=a.name)\n')
    call(second, UP, project, env)
    call(first, UNCHANGED, project, env)
    call(first, DESTROY, project, env)
    assert list((folder / "cloud").iterdir()) == []


if OFFICIAL:

    def test_what_ours_made_the_official_engine_goes_on_with(tmp_path: Path) -> None:
        pass_on(EMBEDDED, (str(OFFICIAL),), tmp_path)

    def test_what_the_official_engine_made_ours_goes_on_with(tmp_path: Path) -> None:
        pass_on((str(OFFICIAL),), EMBEDDED, tmp_path)
