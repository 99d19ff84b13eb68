"""Bad input and bad luck: one clear message, nothing lost, no traceback."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

import pytest

from localcloud.commands import inspection
from localcloud.process import is_alive
from localcloud.supervisor import record
from tests.e2e.checkout import Checkout
from tests.e2e.jobs_as_code import added

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("mishaps")]
Fresh = Callable[[], Checkout]


def wait_for(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)


def log_has(checkout: Checkout, text: str) -> bool:
    journal = checkout.home / "logs" / "api.jsonl"
    return journal.exists() and text in journal.read_text()


def processes(checkout: Checkout) -> list[int]:
    cloud = record.read(checkout.home)
    assert cloud is not None
    return [pid for pid, _, _ in inspection.family(cloud.pid)]


def test_destroy_leaves_nothing_and_down_no_process(fresh: Fresh) -> None:
    checkout = fresh()
    assert checkout.make_target("up").code == 0
    pids = processes(checkout)
    destroyed = checkout.make_target("destroy")
    assert destroyed.code == 0, destroyed.text
    assert "nothing of stack local is left" in destroyed.text
    assert checkout.client("s3").list_buckets()["Buckets"] == []
    assert checkout.client("eks").list_clusters()["clusters"] == []
    assert checkout.make_target("destroy").code == 0  # twice is the same as once
    assert checkout.make_target("down").code == 0
    wait_for(lambda: not any(is_alive(pid) for pid in pids), seconds=10)
    again = checkout.make_target("up")
    assert again.code == 0, again.text


def test_a_cloud_that_was_killed_is_made_anew(fresh: Fresh) -> None:
    checkout = fresh()
    assert checkout.make_target("up").code == 0
    pids = processes(checkout)
    os.kill(pids[0], signal.SIGKILL)
    wait_for(lambda: not any(is_alive(pid) for pid in pids), seconds=10)
    again = checkout.make_target("up")
    assert again.code == 0, again.text
    assert "to be computed again: churn" in again.text


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=["ctrl-c", "kill -9"])
@pytest.mark.parametrize("moment", ["CreateBucket", "CreateCluster", "CreateTransformJob"])
def test_an_up_that_was_cut_off_is_finished_by_the_next(fresh: Fresh, number: signal.Signals, moment: str) -> None:
    checkout = fresh()
    running = checkout.start("up")
    wait_for(lambda: log_has(checkout, f'"{moment}"'))
    os.killpg(running.pid, number)
    running.wait(60)
    again = checkout.make_target("up")
    assert again.code == 0, again.text
    assert len(checkout.transform_jobs()) == 1
    assert len(checkout.client("s3").list_buckets()["Buckets"]) == 1
    destroyed = checkout.make_target("destroy")
    assert destroyed.code == 0, destroyed.text


def test_two_at_once_do_not_meet(fresh: Fresh) -> None:
    checkout = fresh()
    first = checkout.start("up")
    wait_for(lambda: log_has(checkout, '"CreateVpc"'))
    second = checkout.make_target("up")
    assert second.code != 0
    assert "another command is at work on this stack: `make up`, process" in second.text
    said, _ = first.communicate(timeout=120)
    assert first.returncode == 0, said


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        pytest.param({"STACK": "prod"}, "Pulumi.prod.yaml does not exist; there are dev, local", id="unknown stack"),
        pytest.param({"ENGINE": "terraform"}, "may be official or embedded", id="unknown engine"),
        pytest.param({"LOCALCLOUD_PORT": "eighty"}, "is no port", id="no port"),
    ],
)
def test_a_wrong_word_on_the_command_line_is_named(fresh: Fresh, variables: dict[str, str], words: str) -> None:
    refused = fresh().make_target("up", **variables)
    assert refused.code != 0
    assert words in refused.text
    assert "Traceback" not in refused.text


def test_a_port_that_is_taken_is_named(fresh: Fresh) -> None:
    import socket  # noqa: PLC0415  used here only

    with socket.create_server(("127.0.0.1", 0)) as taken:
        refused = fresh().make_target("up", LOCALCLOUD_PORT=str(taken.getsockname()[1]))
    assert refused.code != 0
    assert "in use" in refused.text
    assert "Traceback" not in refused.text


def test_credentials_that_look_real_are_not_used(fresh: Fresh) -> None:
    checkout = fresh()
    key = "AKIA" + "Q" * 16
    said = checkout.make_target("up", AWS_ACCESS_KEY_ID=key, AWS_SECRET_ACCESS_KEY="secret")
    assert said.code == 0, said.text
    assert "AWS_ACCESS_KEY_ID of your environment are not used" in said.text
    for log in (checkout.home / "logs").glob("*"):
        assert key not in log.read_text(errors="replace")


@pytest.mark.parametrize(
    ("jobs", "words"),
    [
        pytest.param({"Late": 'input="model/batch_input.csv"'}, "Late", id="capitals"),
        pytest.param({"l" * 64: 'input="model/batch_input.csv"'}, "l" * 64, id="name too long"),
        pytest.param({"churn": 'input="model/batch_input.csv"'}, "churn", id="two jobs of one name"),
        pytest.param({"late": 'input="missing.csv"'}, "missing.csv", id="missing input file"),
        pytest.param(
            {"late": 'input="model/batch_input.csv", max_payload_in_mb=101'}, "101", id="payload over the limit"
        ),
    ],
)
@pytest.mark.xdist_group("standing")
def test_a_wrong_declaration_is_refused_before_anything_is_made(
    standing: Checkout, jobs: dict[str, str], words: str
) -> None:
    before = standing.transform_jobs()
    with added(standing, jobs):
        refused = standing.make_target("up")
    assert refused.code != 0
    assert words in refused.text
    assert "Traceback" not in refused.text
    assert standing.transform_jobs() == before
    assert standing.make_target("up").code == 0


@pytest.mark.parametrize(
    ("key", "value"),
    [
        pytest.param("resultsExpireDays", "0", id="out of range"),
        pytest.param("resultsExpireDays", "soon", id="of the wrong type"),
        pytest.param("modelArchive", "README.md", id="a model archive that is none"),
    ],
)
@pytest.mark.xdist_group("standing")
def test_wrong_config_is_refused_with_what_is_allowed(standing: Checkout, key: str, value: str) -> None:
    settings = standing.path / "Pulumi.local.yaml"
    was = settings.read_text()
    try:
        assert standing.shell(f"pulumi config set {key} {value}").code == 0
        refused = standing.make_target("up")
    finally:
        settings.write_text(was)
    assert refused.code != 0
    assert key in refused.text
    assert "Traceback" not in refused.text
