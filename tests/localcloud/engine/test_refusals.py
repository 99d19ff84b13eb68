"""What only the official command line has is refused by name, with the way out; slips of the finger are not taken for it."""

import pytest

from localcloud.engine.commands import main


@pytest.mark.parametrize(
    ("command", "named"),
    [
        pytest.param(("import", "x"), "pulumi import", id="verb"),
        pytest.param(("-C", "stack", "login"), "pulumi login", id="verb after a folder"),
        pytest.param(("stack", "history"), "pulumi stack history", id="verb under a verb"),
        pytest.param(("up", "--yes", "--target", "urn"), "the flag --target", id="flag"),
        pytest.param(("stack", "export", "--version", "1"), "the flag --version", id="flag of a verb under a verb"),
        pytest.param(("config", "set", "a", "--type", "int", "1"), "the flag --type", id="flag between words"),
        pytest.param(("preview", "--save-plan=p"), "the flag --save-plan", id="flag with its value"),
    ],
)
def test_what_only_the_official_engine_does_is_refused_by_name(
    command: tuple[str, ...], named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"error: {named}: the embedded engine does not support this. The official Pulumi CLI can")
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("command", "offered"),
    [
        pytest.param(("upp",), "'preview'", id="verb"),
        pytest.param(("stack", "lss"), "'export'", id="verb under a verb"),
        pytest.param(("up", "--targett", "x"), "--replace", id="flag"),
    ],
)
def test_slips_of_the_finger_are_told_what_there_is(
    command: tuple[str, ...], offered: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command) == 1
    assert offered in capsys.readouterr().err
