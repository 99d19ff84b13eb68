"""Behaviour that was inferred for AWS, or chosen because nothing is known: each test pins a choice."""

from __future__ import annotations

import gzip
import json
import threading
import time
from typing import Any

import pytest

from localcloud.batch_transform.job import DataProcessing, ModelContainer, Split, Strategy
from tests.localcloud.batch_transform.doubles import Answer, ModelDouble, each_line, echo, fail, label

SINGLE = Strategy.SINGLE_RECORD
CLIENT_ERROR = "ClientError: See job logs for more information"
JSON_LINES = {"content_type": "application/jsonlines", "accept": "application/jsonlines"}
JOIN = DataProcessing(join_input=True)


def test_a_folder_below_the_prefix_stays_in_the_output_key(plane: Any) -> None:
    objects = {"in/sub/a.csv": b"1\n"}
    assert list(plane.run(objects).outputs) == ["out/sub/a.csv.out"]


def test_a_prefix_that_ends_inside_a_name_keeps_the_whole_name(plane: Any) -> None:
    objects, uri = {"in/a1.csv": b"1\n"}, "s3://b/in/a"
    assert list(plane.run(objects, input_uri=uri).outputs) == ["out/a1.csv.out"]


def _manifest(*entries: str) -> bytes:
    return json.dumps([{"prefix": "s3://b/in/"}, *entries]).encode()


def test_an_entry_of_a_manifest_keeps_its_relative_path(plane: Any) -> None:
    objects = {"m.json": _manifest("x/a.csv"), "in/x/a.csv": b"1,2\n", "in/other.csv": b"1\n"}
    settings: dict[str, Any] = {"input_uri": "s3://b/m.json", "manifest": True}
    assert plane.run(objects, **settings).outputs == {"out/x/a.csv.out": b"2\n"}


def test_a_manifests_prefix_and_entry_are_put_together_as_they_are(plane: Any) -> None:
    manifest = json.dumps([{"prefix": "s3://b/in"}, "a.csv"]).encode()
    objects = {"m.json": manifest, "ina.csv": b"1\n", "in/a.csv": b"1,2\n"}
    settings: dict[str, Any] = {"input_uri": "s3://b/m.json", "manifest": True}
    assert plane.run(objects, **settings).outputs == {"out/a.csv.out": b"1\n"}


def test_an_object_missing_from_the_bucket_fails_alone(plane: Any) -> None:
    objects = {"m.json": _manifest("a.csv", "gone.csv"), "in/a.csv": b"1,2\n"}
    settings: dict[str, Any] = {"input_uri": "s3://b/m.json", "manifest": True}
    result = plane.run(objects, **settings)
    assert (result.outcome.status, result.outcome.reason) == ("Failed", CLIENT_ERROR)
    assert result.outputs == {"out/a.csv.out": b"2\n"}


def test_a_gzip_object_keeps_its_suffix_and_its_output_is_plain(plane: Any) -> None:
    objects = {"in/a.csv.gz": gzip.compress(b"1,2\n") + gzip.compress(b"3\n")}
    assert plane.run(objects, gzip=True).outputs == {"out/a.csv.gz.out": b"2\n1\n"}


def test_a_folder_marker_is_skipped(plane: Any) -> None:
    objects = {"in/": b"", "in/a.csv": b"1\n"}
    assert list(plane.run(objects).outputs) == ["out/a.csv.out"]


def test_an_empty_object_gives_an_empty_output_without_a_request(plane: Any) -> None:
    result = plane.run({"in/e.csv": b""})
    assert (result.outputs, result.bodies) == ({"out/e.csv.out": b""}, [])
    assert plane.run({"in/e.csv": b""}, split=Split.NONE).bodies == [b""]


def test_an_unterminated_last_line_is_sent_as_it_is(plane: Any) -> None:
    result = plane.run({"in/a.csv": b"1,2\n3,4"})
    assert (result.bodies, result.outputs) == ([b"1,2\n3,4"], {"out/a.csv.out": b"2\n2\n"})


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({}, id="plain"),
        pytest.param({"max_payload_mb": 1}, id="several bodies"),
        pytest.param({"processing": DataProcessing("$[0]")}, id="filtered"),
        pytest.param({"max_payload_mb": 0}, id="no limit"),
    ],
)
def test_a_body_of_many_records_keeps_its_last_newline(plane: Any, settings: dict[str, Any]) -> None:
    record = b"7" * 2**19 + b"\n" if settings == {"max_payload_mb": 1} else b"7\n"
    objects = {"in/a.csv": record * 2}
    assert b"".join(plane.run(objects, **settings).bodies) == record * 2


def test_a_single_record_is_sent_without_its_newline(plane: Any) -> None:
    objects = {"in/a.csv": b"1\n2\n"}
    assert plane.run(objects, strategy=SINGLE).bodies == [b"1", b"2"]


def test_a_carriage_return_belongs_to_the_record(plane: Any) -> None:
    objects = {"in/a.csv": b"1,2\r\n3,4\r\n"}
    assert plane.run(objects, echo, strategy=SINGLE).outputs == {"out/a.csv.out": b"1,2\r\n3,4\r\n"}


def test_a_blank_line_is_a_record(plane: Any) -> None:
    objects = {"in/a.csv": b"1\n\n2\n"}
    assert plane.run(objects, strategy=SINGLE).bodies == [b"1", b"", b"2"]
    assert plane.run(objects).bodies == [b"1\n\n2\n"]


def test_a_megabyte_is_two_to_the_twentieth(plane: Any) -> None:
    objects = {"in/a.bin": bytes(2**20)}
    assert plane.run(objects, split=Split.NONE, max_payload_mb=1).outcome.status == "Completed"
    too_large = {"in/a.bin": bytes(2**20 + 1)}
    assert plane.run(too_large, split=Split.NONE, max_payload_mb=1).outcome.status == "Failed"


def test_the_last_newline_counts_towards_the_payload(plane: Any) -> None:
    objects = {"in/a.csv": b"x" * 2**20 + b"\n"}
    assert plane.run(objects, max_payload_mb=1).outcome.status == "Failed"
    assert plane.run(objects, max_payload_mb=1, strategy=SINGLE).outcome.status == "Completed"


@pytest.mark.parametrize("strategy", [pytest.param(one, id=str(one)) for one in Strategy])
@pytest.mark.parametrize(
    ("megabytes", "size"), [pytest.param(6, 6 * 2**20 + 1, id="6 MiB + 1"), pytest.param(1, 2**20 + 1, id="1 MiB + 1")]
)
def test_a_record_larger_than_the_payload_fails_its_object(
    plane: Any, strategy: Strategy, megabytes: int, size: int
) -> None:
    objects = {"in/a.csv": b"x" * size + b"\n", "in/b.csv": b"1\n"}
    result = plane.run(objects, strategy=strategy, max_payload_mb=megabytes)
    assert (result.outcome.status, result.outcome.reason) == ("Failed", CLIENT_ERROR)
    assert list(result.outputs) == ["out/b.csv.out"]
    limit = megabytes * 2**20
    assert f"b/in/a.csv: Record is larger than MaxPayloadInMB: more than {limit} bytes" in result.logs.lines
    assert result.logs.lines[-1].startswith("b/in/a.csv: Line 1 of the object: xxx")


def test_no_content_type_is_sent_when_none_is_set(plane: Any) -> None:
    unset: dict[str, Any] = {"content_type": None, "accept": None}
    headers = plane.run({"in/a.csv": b"1\n"}, **unset).models[0].requests[-1].headers
    assert not {"Content-Type", "Accept"} & set(headers)


def test_the_jobs_environment_wins_over_the_models(plane: Any) -> None:
    model = ModelContainer(environment={"A": "model", "B": "model"})
    both: dict[str, Any] = {"containers": (model,), "environment": {"A": "job"}}
    result = plane.run({"in/a.csv": b"1\n"}, **both)
    assert result.models[0].environment == {"SAGEMAKER_BATCH": "true", "A": "job", "B": "model"}


@pytest.mark.parametrize("status", [pytest.param(status, id=str(status)) for status in (200, 201, 299)])
def test_every_2xx_is_a_success(plane: Any, status: int) -> None:
    objects = {"in/a.csv": b"1\n"}
    assert plane.run(objects, lambda _: Answer(status, b"7")).outputs == {"out/a.csv.out": b"7\n"}


def test_a_server_error_is_an_algorithm_error(plane: Any) -> None:
    reason = plane.run({"in/a.csv": b"1\n"}, fail(500)).outcome.reason
    assert reason == "AlgorithmError: See job logs for more information"


def test_no_answer_is_tried_again_up_to_the_limit(plane: Any) -> None:
    def break_off(_: bytes) -> Answer:
        return Answer(close=True)

    assert len(plane.run({"in/a.csv": b"1\n"}, break_off).bodies) == 4


@pytest.mark.parametrize("retries", [pytest.param(number, id=f"{number} retries") for number in range(4)])
def test_a_server_error_is_tried_again_up_to_the_limit(plane: Any, retries: int) -> None:
    assert len(plane.run({"in/a.csv": b"1\n"}, fail(503), max_retries=retries).bodies) == retries + 1


def test_a_client_error_is_not_tried_again(plane: Any) -> None:
    assert len(plane.run({"in/a.csv": b"1\n"}, fail(415)).bodies) == 1


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({"behaviour": lambda _: Answer(close=True)}, id="the connection breaks off"),
        pytest.param(
            {"behaviour": lambda _: time.sleep(3) or Answer(), "timeout_seconds": 0.2}, id="no answer in time"
        ),
    ],
)
def test_no_answer_is_an_internal_server_error(plane: Any, settings: dict[str, Any]) -> None:
    result = plane.run({"in/a.csv": b"1\n"}, max_retries=1, **settings)
    assert result.outcome.reason == "InternalServerError: We encountered an internal error.  Please try again."
    assert result.logs.lines[1:] == [
        "b/in/a.csv: Unable to get response from algorithm",
        "b/in/a.csv: Line 1 of the object: 1",
    ]
    assert len(result.bodies) == 2


def test_a_container_that_ends_fails_the_job_at_once(plane: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ModelDouble, "poll", lambda _self: 1)
    start = time.monotonic()
    result = plane.run({"in/a.csv": b"1\n"}, model={"ping": 500})
    assert time.monotonic() - start < 10
    assert result.outcome.reason == "AlgorithmError: Model container failed to respond to ping"
    assert result.logs.lines == ["Model container exited with status 1"]


def test_an_empty_response_adds_no_blank_line(plane: Any) -> None:
    objects = {"in/a.csv": b"1\n2\n"}
    assert plane.run(objects, lambda _: Answer(204), strategy=SINGLE).outputs == {"out/a.csv.out": b""}


def test_the_end_of_a_slice_is_exclusive(plane: Any) -> None:
    objects, processing = {"in/a.csv": b"0,1,2,3,4\n"}, DataProcessing("$[1:4]")
    assert plane.run(objects, processing=processing).bodies == [b"1,2,3\n"]
    dropping_last = DataProcessing("$[0:-1]")
    assert plane.run(objects, processing=dropping_last).bodies == [b"0,1,2,3\n"]


def test_a_name_that_the_record_lacks_fails_the_object(plane: Any) -> None:
    objects = {"in/a.jsonl": b'{"a":1}\n'}
    processing = DataProcessing("$['a','b']")
    assert plane.run(objects, label, processing=processing, **JSON_LINES).outcome.reason == CLIENT_ERROR


def test_a_join_of_unequal_line_counts_fails_the_object(plane: Any) -> None:
    objects = {"in/a.csv": b"1\n2\n3\n"}
    result = plane.run(objects, lambda _: Answer(body=b"7\n8\n"), processing=JOIN)
    assert (result.outcome.reason, result.outputs) == (CLIENT_ERROR, {})
    text = "b/in/a.csv: Fail to join data: mismatched line count between the input and the output: 3 and 2"
    assert text in result.logs.lines


def test_numbers_and_markup_of_joined_json_stay_as_written(plane: Any) -> None:
    objects = {"in/a.jsonl": b'{"a":1.0,"n":12345678901234567890,"t":"<b>"}\n'}
    result = plane.run(objects, label, processing=JOIN, **JSON_LINES)
    written = b'{"SageMakerOutput":{"label":1},"a":1.0,"n":12345678901234567890,"t":"<b>"}\n'
    assert result.outputs == {"out/a.jsonl.out": written}


def test_a_re_written_field_that_begins_with_a_space_is_quoted(plane: Any) -> None:
    processing = DataProcessing(join_input=True, output_filter="$[0,-1]")
    softprob = each_line(lambda _: b"[0.1, 0.2, 0.7]")
    objects = {"in/a.csv": b"id,5\n"}
    assert plane.run(objects, softprob, processing=processing).outputs == {"out/a.csv.out": b'id," 0.7]"\n'}


def test_a_stopped_job_keeps_finished_outputs_and_leaves_no_others(plane: Any) -> None:
    def behave(body: bytes) -> Answer:
        if body == b"2\n":
            threading.Thread(target=plane.cancellation.cancel).start()
            time.sleep(30)
        return Answer(body=body)

    start = time.monotonic()
    result = plane.run({f"in/{number}.csv": b"%d\n" % number for number in (1, 2, 3)}, behave)
    assert time.monotonic() - start < 10
    assert (result.outcome.status, result.outcome.reason) == ("Stopped", None)
    assert list(result.outputs) == ["out/1.csv.out"]
