"""The environments: the local one gives access to no account, and the one for AWS contains nothing local."""

import subprocess
from pathlib import Path

import pytest

from localcloud.commands import environment

REAL = {
    "PATH": "/usr/bin:/bin",
    "AWS_ACCESS_KEY_ID": "AKIAREALLOOKING00000",
    "AWS_SECRET_ACCESS_KEY": "s3cret",
    "AWS_SESSION_TOKEN": "token",
    "AWS_PROFILE": "work",
    "AWS_ENDPOINT_URL_S3": "https://s3.example.com",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
    "AWS_CA_BUNDLE": "/ca.pem",
    "PULUMI_ACCESS_TOKEN": "pul-123",
    "HOME": "/home/somebody",
}


@pytest.fixture(params=["home", "a home with 'quotes' and spaces"], ids=["plain path", "path with spaces"])
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    folder = tmp_path / request.param
    folder.mkdir()
    return folder


def source(home: Path, base: dict[str, str], shell: str = "sh") -> dict[str, str]:
    """What a script under `set -eu` has after sourcing the environment file from some other directory."""
    environment.write_shell_file(home, "http://127.0.0.1:4242")
    script = 'set -eu; . "$1"; env -0'
    done = subprocess.run(
        [shell, "-c", script, shell, str(home / "env")], env=base, cwd="/", capture_output=True, check=True
    )
    return dict(line.split("=", 1) for line in done.stdout.decode().split("\0") if line)


def test_the_file_and_the_commands_agree_on_every_variable(home: Path) -> None:
    sourced = source(home, REAL)
    computed = environment.local(home, "http://127.0.0.1:4242", REAL)
    ours = {name for name in sourced if name not in {"PWD", "_", "OLDPWD", "SHLVL"}}
    assert {name: sourced[name] for name in ours} == computed


def test_nothing_of_a_real_account_is_left(home: Path) -> None:
    computed = environment.local(home, "http://127.0.0.1:4242", REAL)
    assert computed["AWS_ACCESS_KEY_ID"] == "LOCALCLOUDADMIN"
    assert not {
        "AWS_PROFILE",
        "AWS_SESSION_TOKEN",
        "AWS_ENDPOINT_URL_S3",
        "AWS_CA_BUNDLE",
        "PULUMI_ACCESS_TOKEN",
    } & set(computed)
    assert "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS" not in computed
    assert "s3cret" not in computed.values()


def test_with_no_cloud_running_calls_go_nowhere(tmp_path: Path) -> None:
    assert environment.local(tmp_path, None, REAL)["AWS_ENDPOINT_URL"] == environment.NO_ENDPOINT


def test_sourcing_twice_puts_the_commands_on_path_once(home: Path) -> None:
    once = source(home, REAL)
    assert source(home, once)["PATH"] == once["PATH"]
    assert once["PATH"].count(str(home / "tools")) == 1


def test_a_real_account_is_used_in_an_environment_without_anything_local(tmp_path: Path) -> None:
    local = environment.local(tmp_path, "http://127.0.0.1:4242", {"PATH": "/usr/bin"})
    scrubbed = environment.real(tmp_path, "dev", local)
    assert environment.ACCESS_KEY not in scrubbed.values()
    assert not [name for name in scrubbed if name.startswith("AWS_") or name == "LOCALCLOUD_HOME"]
    assert not [value for value in scrubbed.values() if "pulumi-home" in value]  # the local stack's plugins


def test_a_real_account_keeps_its_own_credentials(tmp_path: Path) -> None:
    scrubbed = environment.real(tmp_path, "dev", REAL | {"AWS_ENDPOINT_URL": "http://127.0.0.1:1"})
    assert scrubbed["AWS_ACCESS_KEY_ID"] == REAL["AWS_ACCESS_KEY_ID"]
    assert scrubbed["AWS_PROFILE"] == "work"
    assert "AWS_ENDPOINT_URL" not in scrubbed


def test_what_a_person_sets_after_sourcing_the_local_environment_is_theirs(home: Path) -> None:
    theirs = {"AWS_ACCESS_KEY_ID": "AKIAREALLOOKING00000", "AWS_SECRET_ACCESS_KEY": "s3cret"}
    scrubbed = environment.real(home, "dev", source(home, {"PATH": "/usr/bin:/bin"}) | theirs)
    assert {name: value for name, value in scrubbed.items() if name.startswith("AWS_")} == theirs | {
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    assert "PULUMI_BACKEND_URL" not in scrubbed


def test_another_checkouts_local_environment_is_taken_out_as_well(home: Path, tmp_path: Path) -> None:
    other = environment.local(tmp_path / "other", "http://127.0.0.1:4242", {"PATH": "/usr/bin"})
    scrubbed = environment.real(home, "dev", other)
    assert not [name for name in scrubbed if name.startswith("AWS_") or name in {"KUBECONFIG", "LOCALCLOUD_HOME"}]


def test_an_account_is_acted_on_with_the_compiled_cli_and_else_the_persons_own_tools_first(tmp_path: Path) -> None:
    path = environment.real(tmp_path, "dev", REAL)["PATH"]
    assert path == f"{tmp_path / 'cli'}:/usr/bin:/bin:{tmp_path / 'tools'}"


def test_the_stack_of_an_account_is_the_one_named(tmp_path: Path) -> None:
    assert environment.real(tmp_path, "prod", REAL)["PULUMI_STACK"] == "prod"


@pytest.mark.parametrize(
    ("base", "names"),
    [
        pytest.param({}, [], id="nothing set"),
        pytest.param({"AWS_ACCESS_KEY_ID": "LOCALCLOUDADMIN"}, [], id="our own dummy"),
        pytest.param({"AWS_ACCESS_KEY_ID": "AKIA1"}, ["AWS_ACCESS_KEY_ID"], id="a key"),
        pytest.param(
            {"AWS_PROFILE": "work", "AWS_SESSION_TOKEN": "x"}, ["AWS_PROFILE", "AWS_SESSION_TOKEN"], id="a profile"
        ),
    ],
)
def test_credentials_that_look_real_are_named(base: dict[str, str], names: list[str]) -> None:
    assert environment.real_looking_credentials(base or {"PATH": "/"}) == names


@pytest.mark.parametrize(
    ("given", "used"),
    [
        pytest.param("file:///states", "file:///states?metadata=skip", id="files"),
        pytest.param("file://~?no_tmp_dir=true", "file://~?no_tmp_dir=true&metadata=skip", id="files with a parameter"),
        pytest.param("file:///states?metadata=skip", "file:///states?metadata=skip", id="files, already without"),
        pytest.param("s3://states", "s3://states", id="a bucket"),
    ],
)
def test_a_state_in_files_has_no_files_beside_it_that_a_kill_could_leave_empty(
    tmp_path: Path, given: str, used: str
) -> None:
    assert environment.real(tmp_path, "dev", REAL | {"PULUMI_BACKEND_URL": given})["PULUMI_BACKEND_URL"] == used


def test_the_local_state_is_written_without_files_beside_it(tmp_path: Path) -> None:
    local = environment.local(tmp_path, "http://127.0.0.1:4242", {"PATH": "/usr/bin"})
    assert local["PULUMI_BACKEND_URL"] == f"file://{tmp_path}/pulumi?metadata=skip"
