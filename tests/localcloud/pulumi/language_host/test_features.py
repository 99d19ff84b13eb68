"""The features that Pulumi programs in Python use, run by this checkout's language host."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from pulumi import automation

from tests.localcloud.pulumi.language_host.project import STACK, Project

pytestmark = pytest.mark.e2e

CHECKOUT = Path(__file__).parents[4]
# A dynamic resource: its provider is a class of the program.
NOTE = """\
import pulumi
from pulumi.dynamic import CreateResult, DiffResult, Resource, ResourceProvider, UpdateResult

class NoteProvider(ResourceProvider):
    def create(self, props):
        return CreateResult("note-1", {**props, "length": len(props["text"])})
    def diff(self, id, olds, news):
        return DiffResult(changes=olds["text"] != news["text"])
    def update(self, id, olds, news):
        return UpdateResult({**news, "length": len(news["text"])})

class Note(Resource):
    text: pulumi.Output[str]
    length: pulumi.Output[int]
    def __init__(self, name, text, opts=None):
        super().__init__(NoteProvider(), name, {"text": text, "length": None}, opts)

"""


def resources(project: Project) -> list[dict[str, Any]]:
    """The resources in the stack's state."""
    return json.loads(project.pulumi("stack", "export").text)["deployment"]["resources"]


def test_a_dynamic_provider_creates_updates_and_deletes(project: Project) -> None:
    project.program(NOTE + "pulumi.export('length', Note('one', 'four').length)\n")
    assert project.up().code == 0
    assert project.output("length") == "4"
    project.program(NOTE + "pulumi.export('length', Note('one', 'longer').length)\n")
    assert "~ 1 updated" in project.up().text
    assert project.output("length") == "6"
    assert "- 2 deleted" in project.pulumi("destroy", "--yes", "--skip-preview").text


def test_a_dynamic_provider_that_fails_is_shown(project: Project) -> None:
    project.program(NOTE.replace("return CreateResult(", "raise ValueError('no ink', ") + "Note('one', 'x')\n")
    ended = project.up()
    assert ended.code == 1
    assert "ValueError: ('no ink'" in ended.diagnostics


def test_components_hold_their_children(project: Project) -> None:
    project.program(
        NOTE
        + """
class Folder(pulumi.ComponentResource):
    def __init__(self, name):
        super().__init__("office:index:Folder", name)
        note = Note(f"{name}-note", "inside", pulumi.ResourceOptions(parent=self))
        self.register_outputs({"length": note.length})

Folder("blue")
"""
    )
    assert "+ 3 created" in project.up().text
    by_type = {entry["type"].rpartition(":")[2]: entry for entry in resources(project)}
    assert by_type["Resource"]["parent"] == by_type["Folder"]["urn"]
    assert by_type["Folder"]["outputs"] == {"length": 6}


def test_an_alias_renames_without_replacement(project: Project) -> None:
    project.program(NOTE + "Note('old', 'same')\n")
    assert project.up().code == 0
    project.program(NOTE + "Note('new', 'same', pulumi.ResourceOptions(aliases=[pulumi.Alias(name='old')]))\n")
    assert "2 unchanged" in project.up("--expect-no-changes").text
    assert [entry["urn"].rpartition("::")[2] for entry in resources(project)][-1] == "new"


def test_a_transform_changes_what_is_registered(project: Project) -> None:
    project.program(
        NOTE
        + """
def louder(args):
    if "text" not in args.props:
        return None
    return pulumi.ResourceTransformResult({**args.props, "text": args.props["text"].upper()}, args.opts)

pulumi.runtime.register_resource_transform(louder)
pulumi.export("text", Note("one", "quiet").text)
"""
    )
    assert project.up().code == 0
    assert project.output("text") == "QUIET"


def test_a_resource_hook_runs_in_the_program(project: Project) -> None:
    project.program(
        NOTE
        + """
def announce(args):
    print("about to create", args.name)

hook = pulumi.ResourceHook("announce", announce)
Note("one", "x", pulumi.ResourceOptions(hooks=pulumi.ResourceHookBinding(before_create=[hook])))
"""
    )
    assert "about to create one" in project.up().diagnostics


def test_an_asynchronous_program_exports_what_it_returns(project: Project) -> None:
    project.program(
        "import asyncio, pulumi\nasync def main():\n    await asyncio.sleep(0)\n    return {'a': 1}\npulumi.run(main)\n"
    )
    assert project.up().code == 0
    assert project.output("a") == "1"


def test_debug_messages_come_when_they_are_asked_for(project: Project) -> None:
    project.program("import pulumi\npulumi.log.debug('a detail')\n")
    assert "debug: a detail" in project.preview("--debug").text
    assert "a detail" not in project.preview().text


def test_thousands_of_outputs_are_waited_for(project: Project) -> None:
    project.program(
        """\
        import asyncio, pulumi
        async def late(number):
            await asyncio.sleep(number % 10 / 20)
            return number
        parts = [pulumi.Output.from_input(late(number)).apply(lambda one: one + 1) for number in range(3000)]
        pulumi.export("sum", pulumi.Output.all(*parts).apply(sum))
        parts[0].apply(lambda _: pulumi.Output.from_input(late(9)).apply(lambda _: print("the last has come")))
        """
    )
    ended = project.up()
    assert ended.code == 0
    assert "the last has come" in ended.diagnostics
    assert project.output("sum") == str(sum(range(3001)))


def test_a_provider_of_components_in_python_runs(project: Project) -> None:
    project.settings(plugins={"providers": [{"name": "greeter", "path": "./greeter"}]})
    project.write("greeter/PulumiPlugin.yaml", f"runtime:\n  name: python\n  options:\n    virtualenv: {sys.prefix}\n")
    project.write(
        "greeter/__main__.py",
        """\
        from typing import Optional, TypedDict
        import pulumi
        from pulumi.provider.experimental import component_provider_host

        class GreeterArgs(TypedDict):
            who: pulumi.Input[str]

        class Greeter(pulumi.ComponentResource):
            greeting: pulumi.Output[str]
            def __init__(self, name: str, args: GreeterArgs, opts: Optional[pulumi.ResourceOptions] = None):
                super().__init__("greeter:index:Greeter", name, {}, opts)
                self.greeting = pulumi.Output.concat("Hello, ", args["who"])
                self.register_outputs({"greeting": self.greeting})

        component_provider_host(name="greeter", components=[Greeter])
        """,
    )
    project.program(
        """\
        import pulumi

        class Greeter(pulumi.ComponentResource):
            greeting: pulumi.Output[str]
            def __init__(self, name, who):
                super().__init__("greeter:index:Greeter", name, {"who": who, "greeting": None}, remote=True)

        pulumi.export("greeting", Greeter("one", "world").greeting)
        """
    )
    ended = project.up()
    assert ended.code == 0, ended.text
    assert project.output("greeting") == "Hello, world"


PACK = """\
import pulumi
from pulumi_policy import EnforcementLevel, PolicyPack, ResourceValidationPolicy

print("the pack is asked")

def short(args, report):
    if "text" in args.props and len(args.props["text"]) > int(pulumi.Config("scratch").require("limit")):
        report(f"{args.name} is long on {pulumi.get_stack()}, preview {pulumi.runtime.is_dry_run()}")

PolicyPack("notes", [ResourceValidationPolicy("short", "Notes are short.", short, EnforcementLevel.MANDATORY)])
"""


def test_a_policy_pack_reads_the_stacks_settings_and_stops_the_run(project: Project) -> None:
    project.write("pack/PulumiPolicy.yaml", f"runtime:\n  name: python\n  options:\n    virtualenv: {sys.prefix}\n")
    project.write("pack/__main__.py", PACK)
    project.pulumi("config", "set", "limit", "5")
    project.program(NOTE + "Note('one', 'short')\n")
    allowed = project.preview("--policy-pack", "pack")
    assert allowed.code == 0, allowed.text
    assert "the pack is asked" in allowed.text
    project.program(NOTE + "Note('one', 'far too long')\n")
    ended = project.preview("--policy-pack", "pack")
    assert ended.code != 0
    assert "one is long on dev, preview True" in ended.text
    assert "preview False" in project.up("--policy-pack", "pack").text


def test_a_policy_pack_that_fails_is_shown(project: Project) -> None:
    project.write("pack/PulumiPolicy.yaml", f"runtime:\n  name: python\n  options:\n    virtualenv: {sys.prefix}\n")
    project.write("pack/__main__.py", "raise ValueError('no such rule')\n")
    project.program("")
    ended = project.preview("--policy-pack", "pack")
    assert ended.code != 0
    assert "ValueError: no such rule" in ended.text


@pytest.mark.soak  # end-to-end tests preview the stack under it
def test_the_projects_own_policy_pack_loads(project: Project) -> None:
    project.program("")
    ended = project.preview("--policy-pack", CHECKOUT / "policy")
    assert ended.code == 0, ended.text
    assert "batch-inference-controls@v1.0.0" in ended.text


@pytest.fixture
def with_cli_on_path(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """The automation API looks for the CLI on the PATH of its own process."""
    monkeypatch.setenv("PATH", project.env["PATH"])
    return project


def workspace_options(project: Project) -> automation.LocalWorkspaceOptions:
    names = [name for name in project.env if name.startswith("PULUMI_")]
    return automation.LocalWorkspaceOptions(env_vars={name: project.env[name] for name in names})


@pytest.mark.soak  # the test below deploys what is harder, a function
def test_the_automation_api_deploys_a_project(with_cli_on_path: Project) -> None:
    project = with_cli_on_path
    project.program(NOTE + "pulumi.export('length', Note('one', pulumi.Config().require('text')).length)\n")
    stack = automation.select_stack(STACK, work_dir=str(project.folder), opts=workspace_options(project))
    stack.set_config("text", automation.ConfigValue("seven!!"))
    assert stack.up().outputs["length"].value == 7
    assert stack.preview().change_summary == {automation.OpType.SAME: 2}
    assert stack.destroy().summary.resource_changes == {"delete": 2}


def test_the_automation_api_deploys_a_function(with_cli_on_path: Project) -> None:
    import pulumi  # noqa: PLC0415  the function below is the program

    project = with_cli_on_path
    stack = automation.create_stack("inline", "inlined", lambda: pulumi.export("a", 1), opts=workspace_options(project))
    assert stack.up().outputs["a"].value == 1


def test_the_automation_api_tells_why_a_program_failed(with_cli_on_path: Project) -> None:
    project = with_cli_on_path
    project.program("raise ValueError('the cause')\n")
    stack = automation.select_stack(STACK, work_dir=str(project.folder), opts=workspace_options(project))
    with pytest.raises(automation.CommandError, match="ValueError: the cause"):
        stack.up()


def test_no_variable_of_the_host_reaches_the_program(project: Project) -> None:
    project.program("import os\nprint('seen', sorted(os.environ))\n")
    seen = project.preview().diagnostics.split("seen ")[1].splitlines()[0]
    added = {*json.loads(seen.replace("'", '"'))} - {*project.env}
    assert added <= {"VIRTUAL_ENV", "PULUMI_CONFIG_SECRET_KEYS", "PULUMI_LOG_OTLP_ENDPOINT"}  # the last is the CLI's
