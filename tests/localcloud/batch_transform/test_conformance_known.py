"""Behaviour that AWS documents or that was seen on AWS, case by case."""

from __future__ import annotations

import itertools
import threading
import time
from typing import Any

import pytest

from localcloud.batch_transform.job import DataProcessing, Split, Strategy
from tests.localcloud.batch_transform.doubles import Behaviour, each_line, echo, fail

LINES = each_line()
BARE = each_line(ended=False)
SINGLE = Strategy.SINGLE_RECORD
CLIENT_ERROR = "ClientError: See job logs for more information"


@pytest.mark.parametrize(
    ("behaviour", "settings", "expected"),
    [
        pytest.param(LINES, {}, b"2\n2\n", id="an ended answer gets no second newline from AssembleWith Line"),
        pytest.param(LINES, {"assemble_line": False}, b"2\n2\n", id="AssembleWith None passes an ended answer on"),
        pytest.param(
            BARE, {"assemble_line": False, "strategy": SINGLE}, b"22", id="AssembleWith None adds nothing between"
        ),
        pytest.param(BARE, {"strategy": SINGLE}, b"2\n2\n", id="AssembleWith Line ends every bare answer"),
        pytest.param(
            echo,
            {"split": Split.NONE, "assemble_line": False},
            b"1,2\n3,4\n",
            id="SplitType None sends the object whole",
        ),
    ],
)
def test_answers_are_assembled(plane: Any, behaviour: Behaviour, settings: dict[str, Any], expected: bytes) -> None:
    result = plane.run({"in/a.csv": b"1,2\n3,4\n"}, behaviour, **settings)
    assert result.outcome.status == "Completed"
    assert result.outputs == {"out/a.csv.out": expected}


@pytest.mark.parametrize("assemble_line", [pytest.param(True, id="Line"), pytest.param(False, id="None")])
def test_outputs_of_two_objects_are_never_merged(plane: Any, assemble_line: bool) -> None:
    result = plane.run({"in/a.csv": b"1,2\n", "in/b.csv": b"1\n"}, assemble_line=assemble_line)
    assert result.outputs == {"out/a.csv.out": b"2\n", "out/b.csv.out": b"1\n"}


@pytest.mark.parametrize(
    ("keys", "uris", "outputs"),
    [
        pytest.param(["in/a.csv"], {"input_uri": "s3://b/in/a.csv"}, ["out/a.csv.out"], id="the exact key"),
        pytest.param(["in/a.csv"], {"input_uri": "s3://b/in"}, ["out/a.csv.out"], id="a folder without its slash"),
        pytest.param(["in/a.csv"], {"output_uri": "s3://b/out/"}, ["out/a.csv.out"], id="an output path with a slash"),
        pytest.param(["in/a.csv"], {"output_uri": "s3://b"}, ["a.csv.out"], id="a bucket as the output path"),
        pytest.param(["in/a.csv"], {"input_uri": "s3://b"}, ["out/in/a.csv.out"], id="a bucket as the input"),
        pytest.param(["in/model.tar.gz"], {}, ["out/model.tar.gz.out"], id="no name is filtered out"),
    ],
)
def test_output_keys_follow_the_prefix(plane: Any, keys: list[str], uris: dict[str, str], outputs: list[str]) -> None:
    assert sorted(plane.run(dict.fromkeys(keys, b"1\n"), **uris).outputs) == outputs


def test_a_prefix_is_a_raw_string_not_a_folder(plane: Any) -> None:
    result = plane.run({"in/a.csv": b"1\n", "in_old/b.csv": b"1,2\n", "other/c.csv": b"1\n"}, input_uri="s3://b/in")
    assert len(result.outputs) == 2
    assert sorted(result.outputs.values()) == [b"1\n", b"2\n"]


def test_without_a_split_single_record_means_one_request_for_each_object(plane: Any) -> None:
    result = plane.run({"in/a.csv": b"1\n2\n", "in/b.csv": b"3\n"}, split=Split.NONE, strategy=SINGLE)
    assert sorted(result.bodies) == [b"1\n2\n", b"3\n"]


def test_a_failing_object_fails_the_job_and_no_other_object(plane: Any) -> None:
    result = plane.run({"in/a.csv": b"1,2\n", "in/b.csv": b"bad\n"}, fail(400, only=b"bad"))
    assert (result.outcome.status, result.outcome.reason) == ("Failed", CLIENT_ERROR)
    assert result.outputs == {"out/a.csv.out": b"2\n"}
    assert result.logs.lines[1:] == [
        "b/in/b.csv: ClientError: 400",
        "b/in/b.csv: ",
        "b/in/b.csv: Message:",
        "b/in/b.csv: boom",
        "b/in/b.csv: Line 1 of the object: bad",
    ]


def test_one_failing_batch_leaves_no_output_of_its_object(plane: Any) -> None:
    result = plane.run({"in/a.csv": b"1\nbad\n"}, fail(400, only=b"bad"), strategy=SINGLE)
    assert result.outputs == {}
    assert result.store.aborted == ["out/a.csv.out"]


def test_a_server_error_is_logged_with_the_models_answer(plane: Any) -> None:
    name = "b/in/a.csv"
    assert plane.run({"in/a.csv": b"1\n"}, fail(500)).logs.lines[1:] == [
        f"{name}: Bad HTTP status received from algorithm: 500",
        f"{name}: ",
        f"{name}: Message:",
        f"{name}: boom",
        f"{name}: Line 1 of the object: 1",
    ]


@pytest.mark.parametrize(
    ("request_settings", "execution_parameters", "logged", "environment"),
    [
        pytest.param(
            {},
            {"MaxConcurrentTransforms": 4, "BatchStrategy": "MULTI_RECORD", "MaxPayloadInMB": 6},
            "MaxConcurrentTransforms=4, MaxPayloadInMB=6, BatchStrategy=MULTI_RECORD",
            {},
            id="the container's values win over the defaults and are not passed on",
        ),
        pytest.param(
            {"max_concurrent": 2},
            {"MaxConcurrentTransforms": 8},
            "MaxConcurrentTransforms=2, MaxPayloadInMB=6, BatchStrategy=MULTI_RECORD",
            {"SAGEMAKER_MAX_CONCURRENT_TRANSFORMS": "2"},
            id="the request's values win over the container's",
        ),
        pytest.param(
            {},
            None,
            "MaxConcurrentTransforms=1, MaxPayloadInMB=6, BatchStrategy=MULTI_RECORD",
            {},
            id="a container that tells nothing gets the defaults",
        ),
        pytest.param(
            {"max_concurrent": 0, "max_payload_mb": 3, "strategy": SINGLE},
            {"MaxConcurrentTransforms": 5, "BatchStrategy": "MULTI_RECORD", "MaxPayloadInMB": 1},
            "MaxConcurrentTransforms=5, MaxPayloadInMB=3, BatchStrategy=SINGLE_RECORD",
            {
                "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS": "0",
                "SAGEMAKER_MAX_PAYLOAD_IN_MB": "3",
                "SAGEMAKER_BATCH_STRATEGY": "SINGLE_RECORD",
            },
            id="no concurrency is taken as not given",
        ),
        pytest.param(
            {},
            {"MaxConcurrentTransforms": "many", "BatchStrategy": "ALL", "MaxPayloadInMB": -1},
            "MaxConcurrentTransforms=1, MaxPayloadInMB=6, BatchStrategy=MULTI_RECORD",
            {},
            id="nonsense of a container is passed over",
        ),
    ],
)
def test_the_values_in_effect_are_logged_first(
    plane: Any, request_settings: dict[str, Any], execution_parameters: Any, logged: str, environment: dict[str, str]
) -> None:
    result = plane.run({"in/a.csv": b"1\n"}, model={"parameters": execution_parameters}, **request_settings)
    assert result.logs.lines == [logged]
    assert result.models[0].environment == {"SAGEMAKER_BATCH": "true", **environment}


def test_every_instance_boots_and_logs_and_objects_are_shared_out(plane: Any) -> None:
    result = plane.run({f"in/{number}.csv": b"1\n" for number in range(5)}, instance_count=3)
    assert [instance for instance, _ in sorted(result.logs.data_lines)] == [0, 1, 2]
    assert [len(model.bodies) for model in result.models].count(0) == 0
    assert len(result.outputs) == 5


def test_an_idle_instance_boots_and_logs_too(plane: Any) -> None:
    result = plane.run({"in/a.csv": b"1\n"}, instance_count=3)
    assert len(result.models) == len(result.logs.lines) == 3
    assert sum(len(model.bodies) for model in result.models) == 1


def test_ping_comes_first_then_parameters_then_invocations(plane: Any) -> None:
    result = plane.run({"in/a.csv": b"1\n"})
    assert [request.path for request in result.models[0].requests] == ["/ping", "/execution-parameters", "/invocations"]


def test_requests_carry_the_jobs_media_types_and_no_other_headers(plane: Any) -> None:
    headers = plane.run({"in/a.csv": b"1\n"}).models[0].requests[-1].headers
    assert {name: value for name, value in headers.items() if name != "Host"} == {
        "User-Agent": "Go-http-client/1.1",
        "Content-Type": "text/csv",
        "Accept": "text/csv",
        "Content-Length": "2",
    }


@pytest.mark.parametrize(
    ("settings", "bodies"),
    [
        pytest.param({}, [b"1,2\n3,4\n"], id="many records"),
        pytest.param({"strategy": SINGLE}, [b"1,2", b"3,4"], id="single records"),
        pytest.param({"split": Split.NONE}, [b"1,2\n3,4\n"], id="no split"),
        pytest.param({"processing": DataProcessing("$[0,1]")}, [b"1,2\n3,4\n"], id="filtered"),
        pytest.param(
            {"processing": DataProcessing("$[:]"), "strategy": SINGLE}, [b"1,2", b"3,4"], id="filtered single"
        ),
    ],
)
def test_no_payload_limit_means_chunked_encoding(plane: Any, settings: dict[str, Any], bodies: list[bytes]) -> None:
    result = plane.run({"in/a.csv": b"1,2\n3,4\n"}, max_payload_mb=0, **settings)
    assert result.models[0].requests[-1].headers["Transfer-Encoding"] == "chunked"
    assert "Content-Length" not in result.models[0].requests[-1].headers
    assert result.bodies == bodies
    assert result.outputs == {"out/a.csv.out": b"2\n2\n"}


def test_no_more_requests_are_open_than_allowed(plane: Any) -> None:
    arrived, together = itertools.count(1), threading.Event()

    def answer(line: bytes) -> bytes:
        if next(arrived) == 3:
            together.set()
        together.wait(60)
        time.sleep(0.01)
        return line

    objects = {f"in/{number}.csv": b"1\n2\n3\n" for number in range(6)}
    result = plane.run(objects, each_line(answer), max_concurrent=3, strategy=SINGLE)
    assert result.models[0].most_open == 3


def test_a_batch_never_combines_records_of_different_objects(plane: Any) -> None:
    result = plane.run({"in/a.csv": b"1\n", "in/b.csv": b"2\n"})
    assert sorted(result.bodies) == [b"1\n", b"2\n"]


def test_an_object_larger_than_the_payload_fails_without_a_split(plane: Any) -> None:
    result = plane.run({"in/a.bin": bytes(2**20 + 1)}, split=Split.NONE, max_payload_mb=1)
    assert (result.outcome.status, result.outcome.reason) == ("Failed", CLIENT_ERROR)
    assert result.bodies == []


def test_batches_hold_as_many_whole_lines_as_fit(plane: Any) -> None:
    line = b"x" * (2**18 - 1) + b"\n"
    result = plane.run({"in/a.csv": line * 9}, max_payload_mb=1)
    assert [len(body) for body in result.bodies] == [2**20, 2**20, 2**18]
