"""Programs, changed step by step, that say what an engine must do; run by the official engine once and by ours in tests."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

HEADER = """
import pulumi
from pulumi import ResourceOptions as Options

class Thing(pulumi.CustomResource):
    def __init__(self, rn, opts=None, **props):
        super().__init__("scripted:index:Thing", rn, {"made": None, "name": None, "secretOut": None, **props}, opts)

class Other(pulumi.CustomResource):
    def __init__(self, rn, opts=None, **props):
        super().__init__("scripted:index:Other", rn, {"made": None, "name": None, **props}, opts)

class Group(pulumi.ComponentResource):
    def __init__(self, rn, opts=None, **props):
        super().__init__("my:index:Group", rn, props, opts)

class Remote(pulumi.ComponentResource):
    def __init__(self, rn, opts=None, **props):
        super().__init__("scripted:index:Comp", rn, {"childId": None, "inputs": None, **props}, opts, remote=True)

class Provider(pulumi.ProviderResource):
    def __init__(self, rn, opts=None, **props):
        super().__init__("scripted", rn, props, opts)
"""
UP = ("up", "--yes", "--skip-preview")
PREVIEW = ("preview",)
DESTROY = ("destroy", "--yes", "--skip-preview")
REFRESH = ("refresh", "--yes", "--skip-preview")


@dataclass(frozen=True)
class Phase:
    """One command, the program it runs, and what happened to the objects before."""

    program: str = ""
    command: tuple[str, ...] = UP
    objects: dict[str, dict[str, Any] | None] = field(default_factory=dict[str, Any])  # set anew, or removed by None
    files: dict[str, str] = field(default_factory=dict[str, str])
    env: dict[str, str] = field(default_factory=dict[str, str])


CHAIN = """
a = Thing("a", {a})
b = Thing("b", {b})
"""

READING = """
a = Thing("a", replaceMe={})
r = Thing("r", opts=Options(id=a.id))
b = Thing("b", value=r.made)
pulumi.export("read", r.made)
"""

TWO = 'a = Thing("a")\nb = Thing("b")'
THING = "urn:pulumi:dev::scenario::scripted:index:Thing::"

SCENARIOS: dict[str, list[Phase]] = {
    "create-update-delete": [
        Phase('a = Thing("a", value=1)\nb = Thing("b", value=a.made)\npulumi.export("made", b.made)'),
        Phase('a = Thing("a", value=2)\nb = Thing("b", value=a.made)\npulumi.export("made", b.made)', PREVIEW),
        Phase('a = Thing("a", value=2)\nb = Thing("b", value=a.made)\npulumi.export("made", b.name)'),
        Phase('a = Thing("a", value=2)', ("up", "--yes", "--skip-preview")),
        Phase(command=DESTROY),
    ],
    "replace-create-first": [
        Phase('a = Thing("a", replaceMe=1)\nb = Thing("b", value=a.name, opts=Options(depends_on=[a]))'),
        Phase('a = Thing("a", replaceMe=2)\nb = Thing("b", value=a.name, opts=Options(depends_on=[a]))', PREVIEW),
        Phase('a = Thing("a", replaceMe=2)\nb = Thing("b", value=a.name, opts=Options(depends_on=[a]))'),
        Phase(command=DESTROY),
    ],
    "replace-delete-first": [
        Phase(
            'a = Thing("a", replaceMe=1, deleteFirst=True, name="a1")\nb = Thing("b", replaceIt=a.name)\n'
            'c = Thing("c", value=a.name)\nd = Thing("d", replaceThis=b.name)'
        ),
        Phase(
            'a = Thing("a", replaceMe=2, deleteFirst=True, name="a1")\nb = Thing("b", replaceIt=a.name)\n'
            'c = Thing("c", value=a.name)\nd = Thing("d", replaceThis=b.name)'
        ),
    ],
    "replace-delete-first-dependent-goes": [
        Phase('a = Thing("a", replaceMe=1, deleteFirst=True, name="a1")\nb = Thing("b", replaceIt=a.name)'),
        Phase('a = Thing("a", replaceMe=2, deleteFirst=True, name="a1")'),
    ],
    "secrets": [
        Phase(
            'a = Thing("a", hush=pulumi.Output.secret("s1"), nested={"deep": [pulumi.Output.secret("s2"), 1]}, '
            'open="o", secretOut="s3", opts=Options(additional_secret_outputs=["open"]))\n'
            'b = Thing("b", value=a.hush if hasattr(a, "hush") else 0, copy=a.open, other=a.secretOut)\n'
            'pulumi.export("secret", a.secretOut)\npulumi.export("mixed", {"a": a.open, "b": 1})'
        ),
        Phase(
            'a = Thing("a", hush=pulumi.Output.secret("s1x"), nested={"deep": [pulumi.Output.secret("s2"), 1]}, '
            'open="o", secretOut="s3")'
        ),
    ],
    "components": [
        Phase(
            'g = Group("g", opts=Options(protect=False))\nh = Group("h", opts=Options(parent=g))\n'
            'a = Thing("a", value=1, opts=Options(parent=h))\nh.register_outputs({"made": a.made})\n'
            'b = Thing("b", value=1, opts=Options(depends_on=[g]))'
        ),
        Phase(
            'g = Group("g")\nh = Group("h", opts=Options(parent=g))\n'
            'a = Thing("a", value=2, opts=Options(parent=h))\nh.register_outputs({"made": a.name})'
        ),
        Phase(command=DESTROY),
    ],
    "remote-component": [
        Phase(
            'p = Provider("p", account="acc")\n'
            'r = Remote("r", value=1, hush=pulumi.Output.secret("x"), opts=Options(providers=[p]))\n'
            'a = Thing("a", value=r.childId)\npulumi.export("child", r.childId)'
        ),
        Phase(
            'p = Provider("p", account="acc")\n'
            'r = Remote("r", value=2, hush=pulumi.Output.secret("x"), opts=Options(providers=[p]))\n'
            'a = Thing("a", value=r.childId)\npulumi.export("child", r.childId)'
        ),
        Phase(command=DESTROY),
    ],
    "refresh-explicit-provider": [
        Phase(
            'p = Provider("p", account="one")\na = Thing("a", opts=Options(provider=p))\nb = Thing("b")\ng = Group("g")'
        ),
        Phase(command=REFRESH),
    ],
    "explicit-provider": [
        Phase(
            'p = Provider("p", account="one", key=pulumi.Output.secret("k"))\na = Thing("a", opts=Options(provider=p))'
        ),
        Phase(
            'p = Provider("p", account="two", key=pulumi.Output.secret("k"))\na = Thing("a", opts=Options(provider=p))'
        ),
        Phase('p = Provider("p", account="two", replaceRegion=1)\na = Thing("a", opts=Options(provider=p))'),
        Phase(command=DESTROY),
    ],
    "provider-by-parent": [
        Phase(
            'p = Provider("p", account="one")\ng = Group("g", opts=Options(providers=[p]))\n'
            'a = Thing("a", opts=Options(parent=g))\nb = Other("b")'
        ),
        Phase('a = Thing("a")\nb = Other("b")'),
    ],
    "partial-failures": [
        Phase('a = Thing("a", fail="create-partial", name="a1")\nb = Thing("b", value=a.made)'),
        Phase('a = Thing("a", value=1, name="a1")\nb = Thing("b", value=a.made)'),
        Phase('a = Thing("a", value=2, fail="update-partial", name="a1")\nb = Thing("b", value=a.made)'),
        Phase('a = Thing("a", value=2, name="a1")\nb = Thing("b", value=a.made)'),
    ],
    "failures": [
        Phase('a = Thing("a", value=1)\nb = Thing("b", value=a.made, fail="create")\nc = Thing("c", value=b.made)'),
        Phase('a = Thing("a", value=1)\nb = Thing("b", value=a.made)'),
        Phase('a = Thing("a", value=2, fail="update")\nb = Thing("b", value=a.made)'),
        Phase('a = Thing("a", value=1, fail="delete")\nb = Thing("b", value=a.made)'),
        Phase(command=DESTROY),
    ],
    "check-failure": [
        Phase('a = Thing("a", value=1)'),
        Phase('a = Thing("a", fail="check")\nb = Thing("b", value=a.made)', PREVIEW),
        Phase('a = Thing("a", fail="check")\nb = Thing("b", value=a.made)'),
    ],
    "protect": [
        Phase('a = Thing("a", opts=Options(protect=True))\nb = Thing("b", value=a.made)'),
        Phase('b = Thing("b", value=1)'),
        Phase('a = Thing("a", replaceMe=2, opts=Options(protect=True))'),
        Phase('a = Thing("a", replaceMe=2)'),
    ],
    "retain-and-deleted-with": [
        Phase(
            'a = Thing("a", opts=Options(retain_on_delete=True))\nb = Thing("b")\n'
            'c = Thing("c", opts=Options(deleted_with=b))'
        ),
        Phase("pass"),
    ],
    "change-options": [
        Phase('a = Thing("a", keep=1, value=1, opts=Options(ignore_changes=["keep"]))\nb = Thing("b", value=1)'),
        Phase(
            'a = Thing("a", keep=2, value=2, opts=Options(ignore_changes=["keep"]))\n'
            'b = Thing("b", value=2, opts=Options(replace_on_changes=["value"], delete_before_replace=True))'
        ),
        Phase(
            'a = Thing("a", keep=2, value=2, opts=Options(custom_timeouts=pulumi.CustomTimeouts(create="5m", update="90s")))\n'
            'b = Thing("b", value=2, opts=Options(custom_timeouts=pulumi.CustomTimeouts(delete="1h")))'
        ),
        Phase(command=DESTROY),
    ],
    "aliases": [
        Phase('a = Thing("a", value=1)\ng = Group("g")\nb = Thing("b", value=a.made, opts=Options(parent=g))'),
        Phase(
            'a = Thing("a2", value=1, opts=Options(aliases=[pulumi.Alias(name="a")]))\n'
            'g = Group("g2", opts=Options(aliases=[pulumi.Alias(name="g")]))\n'
            'b = Thing("b", value=a.made, opts=Options(parent=g))'
        ),
        Phase(
            'a = Other("a2", value=1, opts=Options(aliases=[pulumi.Alias(type_="scripted:index:Thing")]))\n'
            'b = Thing("b", value=a.made, opts=Options(aliases=[pulumi.Alias(parent="urn:pulumi:dev::scenario::my:index:Group::g2")]))'
        ),
    ],
    "invoke-and-read": [
        Phase(
            'i = pulumi.runtime.invoke("scripted:index:echo", {"x": [1, "y"], "z": None}).value\n'
            'a = Thing("a", value=i["x"][0], name="a1")\n'
            'r = Thing("r", opts=Options(id="id-ready"), name="x")\npulumi.export("echo", i)\n'
            'pulumi.export("read", r.made)',
            objects={"id-ready": {"name": "ready", "value": 5}},
        ),
        Phase("pass"),
    ],
    "read-what-is-made": [
        Phase(READING.format(1), PREVIEW),
        Phase(READING.format(1)),
        Phase(READING.format(1), PREVIEW),
        Phase(READING.format(2), PREVIEW),
        Phase(READING.format(2)),
    ],
    "refresh": [
        Phase('a = Thing("a", name="a1", value=1)\nb = Thing("b", name="b1", value=a.made)\nc = Thing("c", name="c1")'),
        Phase(command=REFRESH, objects={"id-a1": {"name": "a1", "value": 7}, "id-c1": None}),
        Phase('a = Thing("a", name="a1", value=1)\nb = Thing("b", name="b1", value=a.made)\nc = Thing("c", name="c1")'),
        Phase(
            'a = Thing("a", name="a1", value=1)\nb = Thing("b", name="b1", value=a.made)\nc = Thing("c", name="c1")',
            ("up", "--yes", "--skip-preview", "--refresh"),
            objects={"id-b1": None},
        ),
    ],
    "pending-delete": [
        Phase('a = Thing("a", replaceMe=1, fail="delete")'),
        Phase('a = Thing("a", replaceMe=2)'),
        Phase('a = Thing("a", replaceMe=2)', env={"SCRIPTED_FORGIVE": "1"}),
    ],
    "program-fails": [
        Phase('a = Thing("a", value=1)\nb = Thing("b", value=1)'),
        Phase('a = Thing("a", value=2)\na.made.apply(lambda _: 1 / 0)\npulumi.export("x", 1)'),
        Phase('a = Thing("a", value=3)\nraise SystemExit(3)'),
    ],
    "errors-are-told": [
        Phase('a = Thing("a")\nb = Thing("b")\npulumi.export("x", 1)'),
        Phase('a = Thing("a", complain="oh")\npulumi.log.error("oh no")\npulumi.export("y", 1)', PREVIEW),
        Phase('a = Thing("a", complain="oh")\npulumi.log.error("oh no")\npulumi.export("y", 1)', ("up", "--yes")),
        Phase('a = Thing("a", value=1)\npulumi.log.error("oh no", resource=a)'),
        Phase('pulumi.log.error("oh no")\nraise pulumi.RunError("end")'),
    ],
    "target-replace": [
        Phase('a = Thing("a", value=1)\nb = Thing("b", value=a.name)'),
        Phase(
            'a = Thing("a", value=1)\nb = Thing("b", value=a.name)',
            ("up", "--yes", "--skip-preview", "--replace", "urn:pulumi:dev::scenario::scripted:index:Thing::a"),
        ),
    ],
    "target-replace-by-pattern": [
        Phase(TWO),
        Phase(TWO, (*UP, "--replace", f"{THING}a", "--replace", f"{THING}c")),
        Phase(TWO, ("preview", "--replace", f"{THING}c")),
        Phase(TWO, ("up", "--yes", "--replace", "a$b")),
        Phase(f"{TWO}\nc = Thing('c')", (*UP, "--replace", f"{THING}c")),
        Phase(TWO, (*UP, "--replace", f"{THING}*")),
        Phase(TWO, (*UP, "--replace", "**b")),
        Phase(TWO, (*UP, "--replace", "urn:*b")),
        Phase(TWO, (*UP, "--replace", "**")),
        Phase('a = Thing("a")', (*UP, "--replace", f"{THING}b")),
    ],
    "assets": [
        Phase(
            'a = Thing("a", text=pulumi.StringAsset("hello"), file=pulumi.FileAsset("data.txt"), '
            'tree=pulumi.FileArchive("tree"), both=pulumi.AssetArchive({"x/y.txt": pulumi.StringAsset("y"), '
            '"t": pulumi.FileArchive("tree")}))',
            files={"data.txt": "data", "tree/b.txt": "b", "tree/a/z.txt": "z"},
        ),
        Phase(
            'a = Thing("a", text=pulumi.StringAsset("hello"), file=pulumi.FileAsset("data.txt"), '
            'tree=pulumi.FileArchive("tree"), both=pulumi.AssetArchive({"x/y.txt": pulumi.StringAsset("y"), '
            '"t": pulumi.FileArchive("tree")}))',
            files={"data.txt": "changed"},
        ),
    ],
    "unknown-diff": [
        Phase('a = Thing("a", value=1, unknownDiff=True)'),
        Phase('a = Thing("a", value=1, unknownDiff=True)'),
        Phase('a = Thing("a", value={"x": [1, 2]}, unknownDiff=True)'),
    ],
    "resource-references": [
        Phase(
            'a = Thing("a", value=1)\ng = Group("g")\nb = Thing("b", thing=a, group=g, things=[a])\n'
            'pulumi.export("thing", a)'
        ),
        Phase('a = Thing("a", value=1)\ng = Group("g")\nb = Thing("b", thing=a, group=g, things=[a])', PREVIEW),
    ],
    "no-handshake": [
        Phase('a = Thing("a", hush=pulumi.Output.secret("x"))', env={"SCRIPTED_HANDSHAKE": "0"}),
        Phase('a = Thing("a", hush=pulumi.Output.secret("y"))', PREVIEW, env={"SCRIPTED_HANDSHAKE": "0"}),
    ],
}
