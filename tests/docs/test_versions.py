"""The table of versions names the versions that this checkout uses."""

from __future__ import annotations

import re
from pathlib import Path

from localcloud.go import programs
from localcloud.setup.programs import OLDEST

ROOT = Path(__file__).parents[2]
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in (ROOT / "docs" / "versions.md").read_text().splitlines()
    if line.startswith("| 3.")
]


def pinned(package: str) -> str:
    found = re.search(rf"^{package}==(\S+)$", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    assert found is not None
    return found.group(1)


def required(program: programs.Program, module: str) -> str:
    found = re.search(rf"{re.escape(module)} (v\S+)", (program.sources / "go.mod").read_text())
    assert found is not None
    return found.group(1)


def test_the_first_row_is_what_is_pinned() -> None:
    cli, _, sdk, aws_and_eks, kubernetes_sdk, provider, kubernetes = ROWS[0]
    assert cli == f"{programs.PULUMI_VERSION}, compiled"
    assert sdk == pinned("pulumi")
    assert aws_and_eks == f"{pinned('pulumi-aws')}, {pinned('pulumi-eks')}"
    assert kubernetes_sdk == pinned("pulumi-kubernetes")
    assert provider == "module of 15 January 2026, compiled"
    assert kubernetes == programs.KUBERNETES_VERSION


def test_the_go_modules_are_of_these_versions() -> None:
    assert required(programs.PULUMI, "github.com/pulumi/pulumi/pkg/v3") == f"v{programs.PULUMI_VERSION}"
    module = required(programs.CONTROL_PLANE_AND_PROVIDER, "github.com/pulumi/pulumi-kubernetes/provider/v4")
    assert module.startswith("v4.0.0-20260115")
    assert required(programs.CONTROL_PLANE, "k8s.io/kubernetes") == f"v{programs.KUBERNETES_VERSION}"


def test_the_compiled_provider_stands_for_the_plugin_that_the_sdk_asks_for() -> None:
    assert pinned("pulumi-kubernetes") == programs.PROVIDER_VERSION


def test_the_oldest_cli_that_is_used_is_one_that_was_tried() -> None:
    oldest = ".".join(map(str, OLDEST))
    assert any(row[0].startswith(oldest) for row in ROWS)
