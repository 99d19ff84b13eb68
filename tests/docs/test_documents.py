"""README, docs and code never disagree."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from docs import tables
from tests.docs import documents
from tests.program import harness


def _relative(path: Path) -> str:
    return str(path.relative_to(tables.ROOT))


@pytest.mark.parametrize("document", tables.DOCUMENTS, ids=_relative)
def test_every_table_is_as_the_code_has_it(document: Path) -> None:
    assert tables.renewed(document.read_text()) == document.read_text(), "run: python -m docs.tables"


@pytest.mark.parametrize("document", tables.DOCUMENTS, ids=_relative)
def test_every_link_leads_somewhere(document: Path) -> None:
    missing = [target for target in documents.links(document) if not (document.parent / target).exists()]
    assert missing == []


def test_the_outputs_in_the_documents_are_those_of_the_program() -> None:
    page = (tables.ROOT / "docs" / "results.md").read_text()
    table = page.partition("| output | meaning |")[2].partition("\n\n")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == set(harness.deploy().outputs)


def test_every_make_target_in_the_documents_exists_and_is_explained() -> None:
    makefile = (tables.ROOT / "Makefile").read_text()
    explained = set(re.findall(r"^([a-z]+):.*## ", makefile, re.MULTILINE))
    text = "\n".join(document.read_text() for document in tables.DOCUMENTS)
    named = set(re.findall(r"(?:^|`)make ([a-z]+)", text, re.MULTILINE))
    assert named <= explained
    assert set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE)) == explained


def test_every_block_of_commands_is_run_or_says_why_not() -> None:
    marks = {block.mark for block in documents.ALL if block.language == "sh" and not block.runs_here}
    assert all(mark.startswith(("needs an account", "not run here: ")) for mark in marks)
    assert any(block.runs_here for block in documents.ALL)


@pytest.mark.parametrize("document", tables.DOCUMENTS, ids=_relative)
def test_no_block_escapes_the_tests(document: Path) -> None:
    fences = re.findall(r"^\s*```", document.read_text(), re.MULTILINE)
    assert len(fences) == 2 * len(documents.blocks(document))


def test_the_end_of_make_test_is_shown_as_its_tools_print_it() -> None:
    _, shown = documents.recorded(tables.DOCUMENTS[0])
    steps = _run("make", "--dry-run", "test")
    tools = ["ruff check", "basedpyright", "lint-imports", "pytest"]
    assert sorted(tools, key=steps.index) == tools
    ruff, types, _, contract, _, tests = shown
    assert ruff in _run(sys.executable, "-m", "ruff", "check", ".")
    assert types == "0 errors, 0 warnings, 0 notes"
    assert contract in _run(str(Path(sys.executable).parent / "lint-imports"))
    assert re.fullmatch(r"\d{4} passed in [\d.]+s \(\d:\d\d:\d\d\)", tests)


def _run(*command: str) -> str:
    return subprocess.run(command, cwd=tables.ROOT, capture_output=True, text=True, check=True).stdout


def test_the_readme_starts_with_the_two_commands() -> None:
    first = [block.body for block in documents.blocks(tables.DOCUMENTS[0])][:2]
    assert first == ["make up\n", "make test\n"]


def test_the_dependencies_in_the_documents_are_those_that_are_asked_for() -> None:
    page = (tables.ROOT / "docs" / "dependencies.md").read_text()
    table = page.partition("| package | why |")[2].partition("\n\n")[0].lower()
    folders = ("", "localcloud", "workshop", "notebooks", "policy", "tests")
    text = "\n".join((tables.ROOT / folder / "requirements.txt").read_text() for folder in folders)
    asked = re.findall(r"^([A-Za-z0-9-]+)", text, re.MULTILINE)
    assert [name for name in asked if name.lower() not in table] == []


def test_the_readme_can_be_read_in_five_minutes() -> None:
    assert len((tables.ROOT / "README.md").read_text().splitlines()) < 200


def test_the_index_names_every_page() -> None:
    pages = {path.name for path in (tables.ROOT / "docs").glob("*.md")} - {"README.md"}
    assert pages <= set(documents.links(tables.ROOT / "docs" / "README.md"))
