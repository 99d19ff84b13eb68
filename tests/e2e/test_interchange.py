"""The whole stack passes between the engines. Runs where the official CLI is on PATH, with enforcement on as ever."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from localcloud.commands.engines import official_cli
from tests.e2e.checkout import Checkout
from tests.e2e.jobs_as_code import added

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("fresh")]
OFFICIAL = official_cli(os.environ.get("PATH", ""))
EXTRA = {"extra": 'input="model/batch_input.csv", environment={"ANOTHER": "job"}'}


def make(checkout: Checkout, target: str, engine: str) -> None:
    said = checkout.make_target(target, ENGINE=engine)
    assert said.code == 0, said.text
    assert f"({engine} engine)" in said.text


def ask(checkout: Checkout, engine: str, arguments: str) -> str:
    said = checkout.shell(f"{'pulumi' if engine == 'embedded' else OFFICIAL} {arguments}")
    assert said.code == 0, said.text
    return said.text


if OFFICIAL:

    @pytest.mark.parametrize(
        ("first", "second"),
        [
            pytest.param("embedded", "official", id="made-by-ours"),
            pytest.param("official", "embedded", id="made-by-the-official"),
        ],
    )
    def test_either_engine_goes_on_with_the_stack_of_the_other(first: str, second: str, tmp_path: Path) -> None:
        checkout = Checkout.make(tmp_path)
        settings = checkout.path / "Pulumi.local.yaml"
        as_committed = settings.read_text()
        try:
            make(checkout, "up", first)
            ask(checkout, second, "preview --expect-no-changes")
            with added(checkout, EXTRA):
                make(checkout, "up", second)
                ask(checkout, first, "preview --expect-no-changes")
                outputs = json.loads(ask(checkout, first, "stack output --json"))
            assert {job["status"] for job in outputs["transform_jobs"].values()} == {"Completed"}
            assert len(checkout.transform_jobs()) == len(EXTRA) + 1
            assert settings.read_text() == as_committed
            ask(checkout, first, "config set --secret example hush")
            assert "hush" not in settings.read_text()
            assert ask(checkout, second, "config get example").strip() == "hush"
            settings.write_text(as_committed)
            make(checkout, "destroy", second)
            assert "nothing" in checkout.make_target("leftovers").text
        finally:
            checkout.make_target("reset")
