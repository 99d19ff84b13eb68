"""Bad input and bad luck: one clear message, nothing lost, no traceback."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import pytest

from localcloud.commands import cloud
from localcloud.supervisor import record
from tests.e2e.checkout import Checkout
from tests.e2e.conveniences import calls, wait_for
from tests.e2e.interruptions import (
    CUT_OFF_RELEASES,
    assert_goes_on,
    assert_nothing_left,
    assert_release_is_repaired,
    assert_taken_apart_in_order,
    cut_off,
    end_plugins,
    leave_release,
    operator_process,
)
from tests.e2e.jobs_as_code import added
from tests.processes import is_alive

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("mishaps")]
Fresh = Callable[[], Checkout]
# It would run for a minute or more: one row a request, one request at a time. Nobody waits for it.
SLOW_JOB = {"slow": 'input="slow.csv", batch_strategy="SingleRecord", max_concurrent_transforms=1, wait=False'}


def processes(checkout: Checkout) -> list[int]:
    running = record.read(checkout.home)
    assert running is not None
    return [pid for pid, _, _ in cloud.family(running.pid)]


def test_a_stack_outlives_interrupts_and_kills_and_then_goes_with_all_that_ran(fresh: Fresh) -> None:
    checkout = fresh()
    interrupt_one_of_two_at_once(checkout)
    end_plugins(checkout, "CreateNodegroup")
    cut_off(checkout, "CreateTransformJob")
    assert_goes_on(checkout)
    assert len(checkout.transform_jobs()) == 1
    kill_the_cloud(checkout)
    again = checkout.make_target("up")
    assert again.code == 0, again.text
    assert "to be computed again: churn" in again.text
    cut_off(checkout, "DeleteCluster", target="destroy")
    assert_goes_down(checkout)
    rows = (checkout.path / "model/batch_input.csv").read_text()
    with added(checkout, SLOW_JOB, {"slow.csv": rows * 200}):
        once_more = checkout.make_target("up")
        assert once_more.code == 0, once_more.text
        assert set(checkout.transform_jobs().values()) == {"Completed", "InProgress"}
        os.kill(operator_process(checkout), signal.SIGKILL)
        assert_goes_with_all_that_runs(checkout)


def interrupt_one_of_two_at_once(checkout: Checkout) -> None:
    """The second is refused, the first goes on until Ctrl-C; credentials in its environment that look real are not used."""
    key = "AKIA" + "Q" * 16
    first = checkout.start("up", AWS_ACCESS_KEY_ID=key, AWS_SECRET_ACCESS_KEY="secret")
    wait_for(lambda: "CreateVpc" in calls(checkout), seconds=240)
    second = checkout.make_target("up")
    assert second.code != 0
    assert "another command is at work on this stack: `make up`, process" in second.text
    wait_for(lambda: "CreateCluster" in calls(checkout), seconds=240)
    os.killpg(first.pid, signal.SIGINT)
    said, _ = first.communicate(timeout=240)
    assert "AWS_ACCESS_KEY_ID in your environment are not used" in said
    for log in (checkout.home / "logs").glob("*"):
        assert key not in log.read_text(errors="replace")


def kill_the_cloud(checkout: Checkout) -> None:
    pids = processes(checkout)
    os.kill(pids[0], signal.SIGKILL)
    wait_for(lambda: not any(is_alive(pid) for pid in pids))


def assert_goes_with_all_that_runs(checkout: Checkout) -> None:
    assert_taken_apart_in_order(checkout)
    assert set(checkout.transform_jobs().values()) == {"Completed", "Stopped"}
    assert checkout.make_target("destroy").code == 0  # twice is the same as once
    assert_goes_down(checkout)


def assert_goes_down(checkout: Checkout) -> None:
    pids = processes(checkout)
    down = checkout.make_target("down")
    assert down.code == 0, down.text
    assert "nothing of stack local is left" in down.text
    wait_for(lambda: not any(is_alive(pid) for pid in pids))


@pytest.mark.soak
def test_a_release_that_was_cut_off_in_any_state_is_repaired(fresh: Fresh) -> None:
    checkout = fresh()
    assert checkout.make_target("up").code == 0
    for status in CUT_OFF_RELEASES:
        leave_release(checkout, status)
        assert_release_is_repaired(checkout, status)


@pytest.mark.soak
@pytest.mark.parametrize(
    ("number", "moment"),
    [
        pytest.param(signal.SIGINT, "CreateBucket", id="ctrl-c early"),
        pytest.param(signal.SIGINT, "CreateTransformJob", id="ctrl-c while the job runs"),
        pytest.param(signal.SIGKILL, "CreateBucket", id="kill -9 early"),
        pytest.param(signal.SIGKILL, "CreateCluster", id="kill -9 while the cluster is made"),
        pytest.param(signal.SIGKILL, "CreateTransformJob", id="kill -9 while the job runs"),
    ],
)
def test_an_up_that_was_cut_off_is_finished_by_the_next(fresh: Fresh, number: signal.Signals, moment: str) -> None:
    checkout = fresh()
    running = checkout.start("up")
    wait_for(lambda: moment in calls(checkout), seconds=240)
    os.killpg(running.pid, number)
    running.wait(240)
    assert_goes_on(checkout)
    assert len(checkout.transform_jobs()) == 1
    assert_nothing_left(checkout)


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        pytest.param({"STACK": "prod"}, "Pulumi.prod.yaml does not exist; there are dev, local", id="unknown stack"),
        pytest.param({"LOCALCLOUD_PORT": "eighty"}, "is not a valid port", id="no port"),
    ],
)
def test_a_wrong_word_on_the_command_line_is_named(fresh: Fresh, variables: dict[str, str], words: str) -> None:
    refused = fresh().make_target("up", **variables)
    assert refused.code != 0
    assert words in refused.text
    assert "Traceback" not in refused.text


@pytest.mark.parametrize("target", ["status", "logs", "destroy", "down", "reset"])
def test_where_no_local_cloud_ran_there_is_nothing_to_do_or_to_set_up(fresh: Fresh, target: str) -> None:
    said = fresh().make_target(target, "PYTHON=none")
    assert (said.code, said.text) == (0, "the local cloud does not run; `make up` starts it\n")


def test_a_port_that_is_taken_is_named(fresh: Fresh) -> None:
    import socket  # noqa: PLC0415  used here only

    with socket.create_server(("127.0.0.1", 0)) as taken:
        refused = fresh().make_target("up", LOCALCLOUD_PORT=str(taken.getsockname()[1]))
    assert refused.code != 0
    assert "in use" in refused.text
    assert "Traceback" not in refused.text
