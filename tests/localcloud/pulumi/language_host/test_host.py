"""The language host's answers to the calls of an engine; its process is started as Pulumi starts it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import empty_pb2
from pulumi.runtime.proto import language_pb2, language_pb2_grpc

from localcloud.pulumi.language_host import scripts

FACTS = "import platform; print(platform.python_version())"


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A client of the host."""
    folder = tmp_path_factory.mktemp("host")
    scripts.install(folder)
    process = subprocess.Popen([folder / "pulumi-language-python", "127.0.0.1:1"], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with grpc.insecure_channel(f"127.0.0.1:{int(process.stdout.readline())}") as channel:
        yield language_pb2_grpc.LanguageRuntimeStub(channel)
    process.terminate()
    assert process.wait(30) == 0
    process.stdout.close()


def info(folder: Path, **options: Any) -> Any:
    """A program in a folder, as the engine describes it."""
    described = language_pb2.ProgramInfo(root_directory=str(folder), program_directory=str(folder), entry_point=".")
    described.options.update({"virtualenv": sys.prefix, **options})
    return described


def test_the_version_of_the_host_is_that_of_the_sdk(host: Any) -> None:
    assert host.GetPluginInfo(empty_pb2.Empty()).version == metadata.version("pulumi")


def test_the_plugins_that_a_program_needs_are_those_of_its_packages(host: Any, tmp_path: Path) -> None:
    answer = host.GetRequiredPackages(language_pb2.GetRequiredPackagesRequest(info=info(tmp_path)))
    needed = {entry.name: (entry.kind, entry.version) for entry in answer.packages}
    assert needed == {
        name: ("resource", f"v{metadata.version(f'pulumi-{name}')}") for name in ("aws", "eks", "kubernetes")
    }


def test_a_missing_virtual_environment_is_made_with_the_requirements(host: Any, tmp_path: Path) -> None:
    package = tmp_path / "package"
    (package / "pulumi_small").mkdir(parents=True)
    (package / "pulumi_small" / "__init__.py").touch()
    plugin = '{"resource": true, "name": "small", "server": "https://example.com/plugins"}'
    (package / "pulumi_small" / "pulumi-plugin.json").write_text(plugin)
    _distribution(package, "pulumi_small", "1.2rc3")
    (tmp_path / "requirements.txt").write_text("")
    described = info(tmp_path, virtualenv="new")
    first = host.GetRequiredPackages(language_pb2.GetRequiredPackagesRequest(info=described))
    assert not first.packages
    site = next((tmp_path / "new" / "lib").iterdir()) / "site-packages"
    (site / "small.pth").write_text(f"{package}\n")
    (needed,) = host.GetRequiredPackages(language_pb2.GetRequiredPackagesRequest(info=described)).packages
    assert (needed.name, needed.version, needed.server) == ("small", "v1.2.0-rc.3", "https://example.com/plugins")


def _distribution(folder: Path, name: str, version: str) -> None:
    described = folder / f"{name}-{version}.dist-info"
    described.mkdir()
    headers = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    (described / "METADATA").write_text(f"{headers}\nIts description:\n\nName: another\nVersion: 9.9.9\n")


@pytest.mark.parametrize("own", [pytest.param(True, id="the host's own"), pytest.param(False, id="another")])
def test_about_names_the_interpreter_of_the_program(host: Any, tmp_path: Path, *, own: bool) -> None:
    environment = Path(sys.prefix) if own else tmp_path / "environment"
    if not own:
        environment.symlink_to(sys.prefix)
    answer = host.About(language_pb2.AboutRequest(info=info(tmp_path, virtualenv=str(environment))))
    assert Path(answer.executable).parents[1] == environment
    assert answer.version == subprocess.check_output([answer.executable, "-c", FACTS], text=True).strip()
    assert answer.metadata["toolchain"] == "Pip"
    assert answer.metadata["toolchainVersion"] == metadata.version("pip")


def test_a_command_that_fails_is_shown_even_if_its_output_is_not_utf_8(host: Any, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    python = tmp_path / "bin" / "python"
    python.write_bytes(b"#!/bin/sh\necho 'not in UTF-8: caf\xe9'\nexit 1\n")
    python.chmod(0o755)
    with pytest.raises(grpc.RpcError, match="not in UTF-8: caf\N{REPLACEMENT CHARACTER}"):
        host.About(language_pb2.AboutRequest(info=info(tmp_path, virtualenv=str(tmp_path))))


@pytest.mark.parametrize(
    "pyproject",
    [
        pytest.param(b"[project]\n", id="no name"),
        pytest.param(b"project = 3\n", id="no table"),
        pytest.param(b"[project\n", id="no TOML"),
        pytest.param(b"name = '\xff'\n", id="no UTF-8"),
    ],
)
def test_a_plugin_that_names_nothing_to_run_is_refused(host: Any, tmp_path: Path, pyproject: bytes) -> None:
    (tmp_path / "pyproject.toml").write_bytes(pyproject)
    request = language_pb2.RunPluginRequest(info=info(tmp_path), pwd=str(tmp_path), kind="resource")
    with pytest.raises(grpc.RpcError, match=r"has neither __main__.py nor a pyproject.toml that names a project"):
        list(host.RunPlugin(request))


@pytest.mark.parametrize("transitive", [True, False])
def test_installed_packages_are_listed(host: Any, tmp_path: Path, *, transitive: bool) -> None:
    request = language_pb2.GetProgramDependenciesRequest(info=info(tmp_path), transitiveDependencies=transitive)
    listed = {entry.name: entry.version for entry in host.GetProgramDependencies(request).dependencies}
    assert listed["pulumi-eks"] == metadata.version("pulumi-eks")
    assert ("pulumi" in listed) == transitive  # which the packages of the providers require


@pytest.mark.soak  # an environment takes seconds, and the test above makes one
def test_dependencies_are_installed_into_the_virtual_environment(host: Any, tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("no such requirement\n")
    request = language_pb2.InstallDependenciesRequest(info=info(tmp_path, virtualenv="venv"))
    parts: list[bytes] = []
    with pytest.raises(grpc.RpcError, match="ended with exit code 1"):
        parts.extend(part.stdout for part in host.InstallDependencies(request))
    printed = b"".join(parts)
    assert b"Creating virtual environment" in printed
    assert b"no such requirement" in printed
    assert (tmp_path / "venv" / "bin" / "python").exists()


@pytest.mark.parametrize(
    ("options", "asked"),
    [
        pytest.param({}, ["toolchain"], id="nothing chosen yet"),
        pytest.param({"toolchain": "pip"}, ["virtualenv"], id="pip without a virtual environment"),
        pytest.param({"toolchain": "pip", "virtualenv": "venv"}, [], id="all chosen"),
    ],
)
def test_a_new_project_is_asked_for_what_is_missing(host: Any, options: dict[str, str], asked: list[str]) -> None:
    described = language_pb2.ProgramInfo()
    described.options.update(options)
    prompts = host.RuntimeOptionsPrompts(language_pb2.RuntimeOptionsRequest(info=described)).prompts
    assert [prompt.key for prompt in prompts] == asked


@pytest.mark.parametrize(
    ("method", "message"),
    [
        pytest.param(
            "GenerateProgram", "GenerateProgram is not part of .* --generate-code=false", id="GenerateProgram"
        ),
        *(
            pytest.param(name, f"{name} is not part of this language host", id=name)
            for name in ("GenerateProject", "GeneratePackage", "Link", "Pack", "Template")
        ),
    ],
)
def test_a_method_that_the_host_lacks_is_refused_by_name(host: Any, method: str, message: str) -> None:
    with pytest.raises(grpc.RpcError, match=message) as refused:
        getattr(host, method)(getattr(language_pb2, f"{method}Request")())
    assert refused.value.code() == grpc.StatusCode.UNIMPLEMENTED  # pyright: ignore[reportAttributeAccessIssue]  a Call too
