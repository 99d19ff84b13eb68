"""What is inferred of AWS, or chosen where nothing is known: each test pins a switch, and what its other side does."""

from __future__ import annotations

import gzip
import json
import threading
import time
from typing import Any

import pytest

from localcloud.batch_transform.doubles import Answer, MemoryStore, ModelDouble, each_line, echo, fail, label
from localcloud.batch_transform.job import DataProcessing, Split, Strategy
from localcloud.batch_transform.unverified import Choices

SINGLE = Strategy.SINGLE_RECORD
CLIENT_ERROR = "ClientError: See job logs for more information"
JSON_LINES = {"content_type": "application/jsonlines", "accept": "application/jsonlines"}
JOIN = DataProcessing(join_input=True)


def test_a_folder_below_the_prefix_stays_in_the_output_key(plane: Any) -> None:
    objects = {"in/sub/a.csv": b"1\n"}
    assert list(plane.run(objects).outputs) == ["out/sub/a.csv.out"]
    assert list(plane.run(objects, choices=Choices(sub_prefixes_kept=False)).outputs) == ["out/a.csv.out"]


def test_a_prefix_that_ends_inside_a_name_keeps_the_whole_name(plane: Any) -> None:
    objects, uri = {"in/a1.csv": b"1\n"}, "s3://b/in/a"
    assert list(plane.run(objects, input_uri=uri).outputs) == ["out/a1.csv.out"]
    choices = Choices(partial_prefix_keeps_base_name=False)
    assert list(plane.run(objects, input_uri=uri, choices=choices).outputs) == ["out/1.csv.out"]


def _manifest(*entries: str) -> bytes:
    return json.dumps([{"prefix": "s3://b/in/"}, *entries]).encode()


def test_an_entry_of_a_manifest_keeps_its_relative_path(plane: Any) -> None:
    objects = {"m.json": _manifest("x/a.csv"), "in/x/a.csv": b"1,2\n", "in/other.csv": b"1\n"}
    settings: dict[str, Any] = {"input_uri": "s3://b/m.json", "manifest": True}
    assert plane.run(objects, **settings).outputs == {"out/x/a.csv.out": b"2\n"}
    choices = Choices(manifest_keeps_relative_path=False)
    assert list(plane.run(objects, choices=choices, **settings).outputs) == ["out/a.csv.out"]


def test_a_manifests_prefix_and_entry_are_put_together_as_they_are(plane: Any) -> None:
    manifest = json.dumps([{"prefix": "s3://b/in"}, "a.csv"]).encode()
    objects = {"m.json": manifest, "ina.csv": b"1\n", "in/a.csv": b"1,2\n"}
    settings: dict[str, Any] = {"input_uri": "s3://b/m.json", "manifest": True}
    assert plane.run(objects, **settings).outputs == {"out/a.csv.out": b"1\n"}
    choices = Choices(manifest_prefix_concatenated=False)
    assert plane.run(objects, choices=choices, **settings).outputs == {"out/a.csv.out": b"2\n"}


def test_an_object_missing_from_the_bucket_fails_alone(plane: Any) -> None:
    objects = {"m.json": _manifest("a.csv", "gone.csv"), "in/a.csv": b"1,2\n"}
    settings: dict[str, Any] = {"input_uri": "s3://b/m.json", "manifest": True}
    result = plane.run(objects, **settings)
    assert (result.outcome.status, result.outcome.reason) == ("Failed", CLIENT_ERROR)
    assert result.outputs == {"out/a.csv.out": b"2\n"}
    result = plane.run(objects, choices=Choices(manifest_gap_fails_object=False), **settings)
    assert result.outcome.status == "Completed"


def test_a_gzip_object_keeps_its_suffix_and_its_output_is_plain(plane: Any) -> None:
    objects = {"in/a.csv.gz": gzip.compress(b"1,2\n") + gzip.compress(b"3\n")}
    assert plane.run(objects, gzip=True).outputs == {"out/a.csv.gz.out": b"2\n1\n"}
    assert list(plane.run(objects, gzip=True, choices=Choices(gzip_suffix_kept=False)).outputs) == ["out/a.csv.out"]


def test_a_folder_marker_is_skipped(plane: Any) -> None:
    objects = {"in/": b"", "in/a.csv": b"1\n"}
    assert list(plane.run(objects).outputs) == ["out/a.csv.out"]
    assert len(plane.run(objects, choices=Choices(folder_markers_skipped=False)).outputs) == 2


def test_an_empty_object_gives_an_empty_output_without_a_request(plane: Any) -> None:
    result = plane.run({"in/e.csv": b""})
    assert (result.outputs, result.bodies) == ({"out/e.csv.out": b""}, [])
    assert plane.run({"in/e.csv": b""}, split=Split.NONE).bodies == [b""]
    choices = Choices(empty_object_without_request=False)
    assert plane.run({"in/e.csv": b""}, choices=choices).bodies == [b""]
    assert plane.run({"in/e.csv": b""}, choices=choices, processing=DataProcessing("$[1:]")).bodies == [b""]


def test_an_unterminated_last_line_is_sent_as_it_is(plane: Any) -> None:
    result = plane.run({"in/a.csv": b"1,2\n3,4"})
    assert (result.bodies, result.outputs) == ([b"1,2\n3,4"], {"out/a.csv.out": b"2\n2\n"})
    choices = Choices(unterminated_line_stays=False)
    assert plane.run({"in/a.csv": b"1,2\n3,4"}, choices=choices).bodies == [b"1,2\n3,4\n"]


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
    # Without a limit the object is streamed as it is, whatever the switch says.
    ends = [b"\n"] if settings == {"max_payload_mb": 0} else [b"7"]
    choices = Choices(multi_record_keeps_last_terminator=False)
    assert sorted({body[-1:] for body in plane.run(objects, choices=choices, **settings).bodies}) == ends


def test_a_single_record_is_sent_without_its_newline(plane: Any) -> None:
    objects = {"in/a.csv": b"1\n2\n"}
    assert plane.run(objects, strategy=SINGLE).bodies == [b"1", b"2"]
    choices = Choices(single_record_keeps_terminator=True)
    assert plane.run(objects, strategy=SINGLE, choices=choices).bodies == [b"1\n", b"2\n"]


def test_a_carriage_return_belongs_to_the_record(plane: Any) -> None:
    objects = {"in/a.csv": b"1,2\r\n3,4\r\n"}
    assert plane.run(objects, echo, strategy=SINGLE).outputs == {"out/a.csv.out": b"1,2\r\n3,4\r\n"}
    choices = Choices(carriage_return_kept=False)
    assert plane.run(objects, echo, strategy=SINGLE, choices=choices).bodies == [b"1,2", b"3,4"]


def test_a_blank_line_is_a_record(plane: Any) -> None:
    objects = {"in/a.csv": b"1\n\n2\n"}
    assert plane.run(objects, strategy=SINGLE).bodies == [b"1", b"", b"2"]
    assert plane.run(objects).bodies == [b"1\n\n2\n"]
    assert plane.run(objects, strategy=SINGLE, choices=Choices(blank_lines_sent=False)).bodies == [b"1", b"2"]


def test_a_megabyte_is_two_to_the_twentieth(plane: Any) -> None:
    objects = {"in/a.bin": bytes(2**20)}
    assert plane.run(objects, split=Split.NONE, max_payload_mb=1).outcome.status == "Completed"
    choices = Choices(megabyte_is_binary=False)
    assert plane.run(objects, split=Split.NONE, max_payload_mb=1, choices=choices).outcome.status == "Failed"
    fits = {"in/a.bin": bytes(1_000_000)}
    assert plane.run(fits, split=Split.NONE, max_payload_mb=1, choices=choices).outcome.status == "Completed"


def test_the_last_newline_counts_towards_the_payload(plane: Any) -> None:
    objects = {"in/a.csv": b"x" * 2**20 + b"\n"}
    assert plane.run(objects, max_payload_mb=1).outcome.status == "Failed"
    choices = Choices(terminator_counts_as_payload=False)
    assert plane.run(objects, max_payload_mb=1, choices=choices).outcome.status == "Completed"
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
    assert result.logs.lines[1] == f"b/in/a.csv: Record is larger than MaxPayloadInMB: more than {limit} bytes"


def test_no_content_type_is_sent_when_none_is_set(plane: Any) -> None:
    unset: dict[str, Any] = {"content_type": None, "accept": None}
    headers = plane.run({"in/a.csv": b"1\n"}, **unset).models[0].requests[-1].headers
    assert not {"Content-Type", "Accept"} & set(headers)
    choices = Choices(content_type_omitted_when_unset=False)
    headers = plane.run({"in/a.csv": b"1\n"}, choices=choices, **unset).models[0].requests[-1].headers
    assert headers["Content-Type"] == "application/octet-stream"


def test_the_jobs_environment_wins_over_the_models(plane: Any) -> None:
    both: dict[str, Any] = {"model_environment": {"A": "model", "B": "model"}, "environment": {"A": "job"}}
    result = plane.run({"in/a.csv": b"1\n"}, **both)
    assert result.models[0].environment == {"SAGEMAKER_BATCH": "true", "A": "job", "B": "model"}
    result = plane.run({"in/a.csv": b"1\n"}, choices=Choices(job_environment_wins=False), **both)
    assert result.models[0].environment == {"SAGEMAKER_BATCH": "true", "A": "model", "B": "model"}


@pytest.mark.parametrize("status", [pytest.param(status, id=str(status)) for status in (200, 201, 299)])
def test_every_2xx_is_a_success(plane: Any, status: int) -> None:
    objects = {"in/a.csv": b"1\n"}
    assert plane.run(objects, lambda _: Answer(status, b"7")).outputs == {"out/a.csv.out": b"7\n"}
    result = plane.run(objects, lambda _: Answer(status, b"7"), choices=Choices(any_2xx_is_success=False))
    assert (result.outcome.status == "Completed") is (status == 200)


def test_a_server_error_is_an_algorithm_error(plane: Any) -> None:
    reason = plane.run({"in/a.csv": b"1\n"}, fail(500)).outcome.reason
    assert reason == "AlgorithmError: See job logs for more information"
    choices = Choices(server_error_reason="InternalServerError: x")
    assert plane.run({"in/a.csv": b"1\n"}, fail(500), choices=choices).outcome.reason == "InternalServerError: x"


def test_no_answer_is_tried_again_up_to_the_limit(plane: Any) -> None:
    def break_off(_: bytes) -> Answer:
        return Answer(close=True)

    assert len(plane.run({"in/a.csv": b"1\n"}, break_off).bodies) == 4
    assert len(plane.run({"in/a.csv": b"1\n"}, break_off, choices=Choices(no_response_retried=False)).bodies) == 1


@pytest.mark.parametrize("retries", [pytest.param(number, id=f"{number} retries") for number in range(4)])
def test_a_server_error_is_tried_again_up_to_the_limit(plane: Any, retries: int) -> None:
    assert len(plane.run({"in/a.csv": b"1\n"}, fail(503), max_retries=retries).bodies) == retries + 1
    choices = Choices(server_errors_retried=False)
    assert len(plane.run({"in/a.csv": b"1\n"}, fail(503), max_retries=retries, choices=choices).bodies) == 1


def test_a_client_error_is_not_tried_again(plane: Any) -> None:
    assert len(plane.run({"in/a.csv": b"1\n"}, fail(415)).bodies) == 1
    assert len(plane.run({"in/a.csv": b"1\n"}, fail(415), choices=Choices(client_errors_retried=True)).bodies) == 4


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({"behaviour": lambda _: Answer(close=True)}, id="the connection breaks off"),
        pytest.param({"behaviour": lambda _: time.sleep(3) or Answer(), "timeout_seconds": 1}, id="no answer in time"),
    ],
)
def test_no_answer_is_an_internal_server_error(plane: Any, settings: dict[str, Any]) -> None:
    result = plane.run({"in/a.csv": b"1\n"}, max_retries=1, **settings)
    assert result.outcome.reason == "InternalServerError: We encountered an internal error.  Please try again."
    assert result.logs.lines[1:] == ["b/in/a.csv: Unable to get response from algorithm"]
    assert len(result.bodies) == 2
    choices = Choices(no_response_reason="AlgorithmError: x")
    assert (
        plane.run({"in/a.csv": b"1\n"}, max_retries=0, choices=choices, **settings).outcome.reason
        == "AlgorithmError: x"
    )


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
    choices = Choices(newline_after_empty_response=True)
    result = plane.run(objects, lambda _: Answer(204), strategy=SINGLE, choices=choices)
    assert result.outputs == {"out/a.csv.out": b"\n\n"}


def test_the_end_of_a_slice_is_exclusive(plane: Any) -> None:
    objects, processing = {"in/a.csv": b"0,1,2,3,4\n"}, DataProcessing("$[1:4]")
    assert plane.run(objects, processing=processing).bodies == [b"1,2,3\n"]
    choices = Choices(slice_end_inclusive=True)
    assert plane.run(objects, processing=processing, choices=choices).bodies == [b"1,2,3,4\n"]
    dropping_last = DataProcessing("$[0:-1]")
    assert plane.run(objects, processing=dropping_last).bodies == [b"0,1,2,3\n"]


def test_a_name_that_the_record_lacks_fails_the_object(plane: Any) -> None:
    objects = {"in/a.jsonl": b'{"a":1}\n'}
    processing = DataProcessing("$['a','b']")
    assert plane.run(objects, label, processing=processing, **JSON_LINES).outcome.reason == CLIENT_ERROR
    choices = Choices(missing_name_fails=False)
    result = plane.run(objects, label, processing=processing, choices=choices, **JSON_LINES)
    assert result.bodies == [b'{"a":1}\n']


def test_a_join_of_unequal_line_counts_fails_the_object(plane: Any) -> None:
    objects = {"in/a.csv": b"1\n2\n3\n"}
    result = plane.run(objects, lambda _: Answer(body=b"7\n8\n"), processing=JOIN)
    assert (result.outcome.reason, result.outputs) == (CLIENT_ERROR, {})
    expected = "b/in/a.csv: Fail to join data: mismatched line count between the input and the output"
    assert result.logs.lines[1] == expected
    choices = Choices(join_needs_equal_line_counts=False)
    result = plane.run(objects, lambda _: Answer(body=b"7\n8\n"), processing=JOIN, choices=choices)
    assert result.outputs == {"out/a.csv.out": b"1,7\n2,8\n"}


def test_numbers_and_markup_of_joined_json_stay_as_written(plane: Any) -> None:
    objects = {"in/a.jsonl": b'{"a":1.0,"n":12345678901234567890,"t":"<b>"}\n'}
    result = plane.run(objects, label, processing=JOIN, **JSON_LINES)
    written = b'{"SageMakerOutput":{"label":1},"a":1.0,"n":12345678901234567890,"t":"<b>"}\n'
    assert result.outputs == {"out/a.jsonl.out": written}
    choices = Choices(json_numbers_keep_text=False, json_html_escaped=True)
    result = plane.run(objects, label, processing=JOIN, choices=choices, **JSON_LINES)
    rendered = b'{"SageMakerOutput":{"label":1},"a":1,"n":12345678901234567000,"t":"\\u003cb\\u003e"}\n'
    assert result.outputs == {"out/a.jsonl.out": rendered}


def test_a_re_written_field_that_begins_with_a_space_is_quoted(plane: Any) -> None:
    processing = DataProcessing(join_input=True, output_filter="$[0,-1]")
    softprob = each_line(lambda _: b"[0.1, 0.2, 0.7]")
    objects = {"in/a.csv": b"id,5\n"}
    assert plane.run(objects, softprob, processing=processing).outputs == {"out/a.csv.out": b'id," 0.7]"\n'}
    choices = Choices(csv_space_quoted=False)
    result = plane.run(objects, softprob, processing=processing, choices=choices)
    assert result.outputs == {"out/a.csv.out": b"id, 0.7]\n"}


def _stopped_at_second_object(plane: Any, choices: Choices) -> MemoryStore:
    def behave(body: bytes) -> Answer:
        if body == b"2\n":
            threading.Thread(target=plane.cancellation.cancel).start()
            time.sleep(30)
        return Answer(body=body)

    start = time.monotonic()
    result = plane.run({f"in/{number}.csv": b"%d\n" % number for number in (1, 2, 3)}, behave, choices=choices)
    assert time.monotonic() - start < 10
    assert (result.outcome.status, result.outcome.reason) == ("Stopped", None)
    return result.store


def test_a_stopped_job_keeps_finished_outputs_and_leaves_no_others(plane: Any) -> None:
    store = _stopped_at_second_object(plane, Choices())
    assert [key for _, key in store.objects if key.endswith(".out")] == ["out/1.csv.out"]


def test_a_stopped_job_can_be_made_to_delete_finished_outputs(plane: Any) -> None:
    store = _stopped_at_second_object(plane, Choices(stop_keeps_finished_outputs=False))
    assert [key for _, key in store.objects if key.endswith(".out")] == []
