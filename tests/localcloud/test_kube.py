"""Kubeconfig files: the current context, tokens that are renewed, and clear words for what cannot be used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from localcloud.kube import KubeconfigError, default_kubeconfig, load_kubeconfig

DOCUMENT: dict[str, Any] = {
    "current-context": "here",
    "contexts": [{"name": "here", "context": {"cluster": "local", "user": "operator"}}],
    "clusters": [{"name": "local", "cluster": {"server": "https://127.0.0.1:6443/"}}],
    "users": [{"name": "operator", "user": {"token": "secret"}}],
}


def written(folder: Path, **changes: Any) -> Path:
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump(DOCUMENT | changes))
    return path


def test_the_current_context_is_used(tmp_path: Path) -> None:
    connection = load_kubeconfig(written(tmp_path))
    assert connection.server == "https://127.0.0.1:6443"
    assert connection.bearer() == "secret"


def test_a_token_file_is_read_anew_each_time(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("one\n")
    connection = load_kubeconfig(written(tmp_path, users=[{"name": "operator", "user": {"tokenFile": "token"}}]))
    assert connection.bearer() == "one"
    token.write_text("two\n")
    assert connection.bearer() == "two"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param({"users": []}, "no user 'operator'", id="no such user"),
        pytest.param({"users": [{"name": "operator", "user": {"exec": {}}}]}, "neither a token nor", id="a plugin"),
        pytest.param({"current-context": "there"}, "no context 'there'", id="no such context"),
        pytest.param({"clusters": None}, "TypeError", id="no clusters"),
    ],
)
def test_what_cannot_be_used_is_said(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(KubeconfigError, match=message):
        load_kubeconfig(written(tmp_path, **changes))


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(KubeconfigError, match="none"):
        load_kubeconfig(tmp_path / "none")


def test_the_environment_says_which_file() -> None:
    assert default_kubeconfig({"KUBECONFIG": "/a/b:/c"}) == Path("/a/b")
    assert default_kubeconfig({}).name == "config"
