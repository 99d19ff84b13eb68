"""Your own containers: what the file may contain, and the error for everything else."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from localcloud.containers import ContainerError, images, start
from localcloud.home import CHECKOUT
from tests.docs import documents
from tests.localcloud.containers.support import wait_for_exit

_GOOD = '[[container]]\nimage = "*/risk:*"\ncommand = ["serve-risk"]\n'


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "containers.toml"
    monkeypatch.setattr(images, "FILE", path)
    return path


def test_a_file_that_is_not_there_registers_nothing(file: Path) -> None:
    assert images.registered(file) == ()


def test_entries_are_read_in_their_order(file: Path) -> None:
    file.write_text(
        '# mine\n[[container]]\nimage = "*/risk:*"\ncommand = ["./serve.py", "../x", "-v", "./a b"]\n'
        'environment = { WORKERS = "2" }\n\n[[container]]\nimage = "*/other:1"\ncommand = ["python3"]\n'
        '[container.environment]\nHOME = "/"\n'
    )
    first, second = images.registered(file)
    folder = file.parent
    assert (first.pattern, second.pattern) == ("*/risk:*", "*/other:1")
    assert first.command == (str(folder / "serve.py"), str(folder / "../x"), "-v", str(folder / "a b"))
    assert (second.command, second.environment) == (("python3",), {"HOME": "/"})
    assert first.environment == {"WORKERS": "2"}


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        pytest.param(_GOOD + "[[container\n", 4, "has to be TOML", id="no TOML"),
        pytest.param("[[containers]]\n", 1, r"'containers' is not known; each container is a table", id="another name"),
        pytest.param('\n[container]\nimage = "x"\n', 2, "with two brackets", id="one bracket"),
        pytest.param(_GOOD + "\n# more\n[[container]]\n", 6, "'image' is missing", id="empty entry"),
        pytest.param(_GOOD + '[[container]]\nimage = ""\n', 5, "'image' has to be the image's URI", id="empty image"),
        pytest.param('[[container]]\nimage = "x"\n', 1, "'command' is missing; it is a list of words", id="no command"),
        pytest.param('[[container]]\nimage = "x"\ncommand = "a b"\n', 3, "a list of words", id="command as a text"),
        pytest.param('[[container]]\nimage = "x"\ncommand = []\n', 3, "a list of words", id="empty command"),
        pytest.param(
            '[[container]]\nimage = "x"\n\ncommand = [\n  "a",\n  1,\n]\n', 4, "a list of words", id="command of lines"
        ),
        pytest.param(_GOOD + 'comand = ["x"]\n', 4, "'comand' is not known; a container has image, command", id="typo"),
        pytest.param(_GOOD + "environment = { A = 2 }\n", 4, "the variable A is a text", id="a number"),
        pytest.param(_GOOD + 'environment = ["A"]\n', 4, "'environment' has to be a table", id="a list of variables"),
        pytest.param(
            _GOOD + 'environment.SM_MODEL_DIR = "/"\n',
            4,
            "SM_MODEL_DIR is set by the local cloud",
            id="a variable of ours",
        ),
        pytest.param("container = [1]\n", 1, "each container is a table", id="a number for a container"),
    ],
)
def test_an_error_names_the_line(file: Path, text: str, line: int, said: str) -> None:
    file.write_text(text)
    with pytest.raises(ContainerError, match=rf"{file}.*line {line}\b.*{said}"):
        start("a/risk:1", None, {}, vcpus=1, log=lambda _: None)


def test_a_file_that_is_not_text_is_refused(file: Path) -> None:
    file.write_bytes(b"\xff")
    with pytest.raises(ContainerError, match="cannot be read"):
        images.registered(file)


def test_an_edit_takes_effect_with_the_next_container(file: Path) -> None:
    def run() -> int:
        with start("a/risk:1", None, {}, vcpus=1, log=lambda _: None) as container:
            return wait_for_exit(container)

    with pytest.raises(ContainerError, match=rf"register yours in {file}"):
        run()
    for code in (3, 4):
        program = [sys.executable, "-c", f"raise SystemExit({code})"]
        file.write_text(f'[[container]]\nimage = "*/risk:*"\ncommand = {program!r}\n')
        assert run() == code


def test_your_own_containers_come_before_the_stand_ins(file: Path) -> None:
    file.write_text(f'[[container]]\nimage = "*"\ncommand = {[sys.executable, "-c", "raise SystemExit(5)"]!r}\n')
    image = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.0-5"
    with start(image, None, {}, vcpus=1, log=lambda _: None) as container:
        assert wait_for_exit(container) == 5


def test_the_documents_example_is_read(file: Path) -> None:
    (block,) = (one for one in documents.blocks(CHECKOUT / "docs" / "local-cloud.md") if one.language == "toml")
    file.write_text(block.body)
    (entry,) = images.registered(file)
    assert entry.command == ("python3", str(file.parent / "serve.py"))


def test_the_example_file_registers_a_program_that_exists() -> None:
    (entry,) = images.registered(CHECKOUT / "containers.example.toml")
    assert Path(entry.command[-1]).is_file()
