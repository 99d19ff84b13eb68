"""What is not publicly known about AWS's batch transform, and what was chosen here.

Each point is a row of the table "Differences from AWS" and is pinned by a test. To choose otherwise, change the code.
"""

from __future__ import annotations

from typing import NamedTuple

_SERVICE = "tests/localcloud/aws/sagemaker"
_TRANSFORM = "tests/localcloud/batch_transform"
_INFERRED = f"{_TRANSFORM}/test_conformance_inferred.py::"
_CSV = f"{_TRANSFORM}/test_csv.py::"
_JSON = f"{_TRANSFORM}/test_json.py::"
_FRAMING = f"{_TRANSFORM}/test_framing.py::"
_PIPELINES = f"{_TRANSFORM}/test_inference_pipelines.py::"


class Row(NamedTuple):
    """A row of the table "Differences from AWS".

    Args:
        what: the point that is not publicly known.
        choice: what happens here.
        test: id of the test that pins it.
    """

    what: str
    choice: str
    test: str


ROWS = (
    # Input and output keys
    Row(
        "Output key of an object in a folder below S3Uri",
        "the folder stays in the output key",
        _INFERRED + "test_a_folder_below_the_prefix_stays_in_the_output_key",
    ),
    Row(
        "Output key when S3Uri ends inside a name",
        "the whole base name is kept",
        _INFERRED + "test_a_prefix_that_ends_inside_a_name_keeps_the_whole_name",
    ),
    Row(
        "Output key of an object named by a manifest",
        "the manifest's entry followed by .out",
        _INFERRED + "test_an_entry_of_a_manifest_keeps_its_relative_path",
    ),
    Row(
        "Output key of a compressed object",
        "x.csv.gz.out, whose content is not compressed",
        _INFERRED + "test_a_gzip_object_keeps_its_suffix_and_its_output_is_plain",
    ),
    Row(
        "How a manifest's prefix and entry form a key",
        "one after the other, with nothing between them",
        _INFERRED + "test_a_manifests_prefix_and_entry_are_put_together_as_they_are",
    ),
    Row(
        "Zero-byte objects whose key ends in a slash",
        "skipped",
        _INFERRED + "test_a_folder_marker_is_skipped",
    ),
    Row(
        "Zero-byte object with a SplitType",
        "a zero-byte .out; the model is not called",
        _INFERRED + "test_an_empty_object_gives_an_empty_output_without_a_request",
    ),
    # Splitting
    Row(
        "Last line without a newline, MultiRecord",
        "sent as it is",
        _INFERRED + "test_an_unterminated_last_line_is_sent_as_it_is",
    ),
    Row(
        "Newline after the last record of a MultiRecord body",
        "sent",
        _INFERRED + "test_a_body_of_many_records_keeps_its_last_newline",
    ),
    Row(
        "Body of a SingleRecord request",
        "the line without its newline",
        _INFERRED + "test_a_single_record_is_sent_without_its_newline",
    ),
    Row(
        "CRLF line ends, SingleRecord",
        "the carriage return belongs to the record",
        _INFERRED + "test_a_carriage_return_belongs_to_the_record",
    ),
    Row(
        "Blank lines, SingleRecord",
        "each is a record and is sent as an empty body",
        _INFERRED + "test_a_blank_line_is_a_record",
    ),
    Row(
        "How many bytes one MB of MaxPayloadInMB is",
        "1,048,576, as in the XGBoost container",
        _INFERRED + "test_a_megabyte_is_two_to_the_twentieth",
    ),
    Row(
        "Whether the newline of a body's last record counts towards MaxPayloadInMB",
        "it counts: a body is never larger than the limit",
        _INFERRED + "test_the_last_newline_counts_towards_the_payload",
    ),
    Row(
        "Log line for a record larger than the payload",
        "our own wording; the object fails with a ClientError",
        _INFERRED + "test_a_record_larger_than_the_payload_fails_its_object",
    ),
    Row(
        "Blank lines when records are filtered or joined",
        "they are not records, and the model's blank lines are not answers",
        _CSV + "test_blank_lines_are_no_rows",
    ),
    Row(
        "RecordIO and TFRecord: what counts towards MaxPayloadInMB",
        "what is sent: the content for SingleRecord, the content with its frames for MultiRecord",
        _FRAMING + "test_what_is_sent_counts_towards_the_payload",
    ),
    Row(
        "RecordIO and TFRecord: a broken or truncated record",
        "the object fails with a ClientError; the wording is our own",
        _FRAMING + "test_a_broken_record_fails_its_object",
    ),
    # Invocation
    Row(
        "Content-Type header when TransformInput.ContentType is unset",
        "no header",
        _INFERRED + "test_no_content_type_is_sent_when_none_is_set",
    ),
    Row(
        "Answers with a status of 201 to 299",
        "a success, like 200",
        _INFERRED + "test_every_2xx_is_a_success",
    ),
    Row(
        "A variable that both CreateModel and CreateTransformJob set",
        "the job's value is used",
        _INFERRED + "test_the_jobs_environment_wins_over_the_models",
    ),
    Row(
        "Answers with status 5xx",
        "tried again at once, up to InvocationsMaxRetries times",
        _INFERRED + "test_a_server_error_is_tried_again_up_to_the_limit",
    ),
    Row(
        "Answers with status 4xx",
        "not tried again",
        _INFERRED + "test_a_client_error_is_not_tried_again",
    ),
    Row(
        "Connections that break, and answers that do not come in time",
        "tried again at once, up to InvocationsMaxRetries times",
        _INFERRED + "test_no_answer_is_tried_again_up_to_the_limit",
    ),
    Row(
        "FailureReason after an answer with status 5xx",
        "AlgorithmError, as in reports that do not give the status",
        _INFERRED + "test_a_server_error_is_an_algorithm_error",
    ),
    Row(
        "FailureReason when a container drops a connection or does not answer in time",
        "InternalServerError, as in reports of 2019 and 2020 (one of 2021 has AlgorithmError)",
        _INFERRED + "test_no_answer_is_an_internal_server_error",
    ),
    Row(
        "FailureReason when a container ends before it answers /ping",
        "the text for a container that does not answer",
        _INFERRED + "test_a_container_that_ends_fails_the_job_at_once",
    ),
    Row(
        "Accept header of the containers of an inference pipeline",
        "only the last container gets it; the Content-Type of an answer goes to the container after it",
        _PIPELINES + "test_each_container_gets_the_answer_of_the_one_before",
    ),
    Row(
        "Which container of an inference pipeline is asked for execution parameters",
        "the first",
        _PIPELINES + "test_the_first_container_tells_the_execution_parameters",
    ),
    Row(
        "Retries and the timeout in an inference pipeline",
        "a retry begins at the first container; the timeout covers all containers together",
        _PIPELINES + "test_a_retry_begins_at_the_first_container",
    ),
    # Assembling
    Row(
        "AssembleWith Line and an empty response",
        "nothing is written",
        _INFERRED + "test_an_empty_response_adds_no_blank_line",
    ),
    Row(
        "Content-Type of the .out objects in S3",
        "S3's default for unknown content",
        _SERVICE + "/test_storage.py::test_an_output_has_the_content_type_of_unknown_content",
    ),
    # Filters and join
    Row(
        "End of a slice such as $[1:4] in a filter",
        "exclusive, as in the JSONPath library that AWS points to",
        _INFERRED + "test_the_end_of_a_slice_is_exclusive",
    ),
    Row(
        "A name or index that a JSON record lacks",
        "the object fails",
        _INFERRED + "test_a_name_that_the_record_lacks_fails_the_object",
    ),
    Row(
        "Join when the model answers with fewer or more lines than it got",
        "the object fails",
        _INFERRED + "test_a_join_of_unequal_line_counts_fails_the_object",
    ),
    Row(
        "Log line for such a join",
        "the text as users recall it",
        _INFERRED + "test_a_join_of_unequal_line_counts_fails_the_object",
    ),
    Row(
        "Numbers in joined JSON",
        "kept as they were written",
        _INFERRED + "test_numbers_and_markup_of_joined_json_stay_as_written",
    ),
    Row(
        "<, > and & in joined JSON",
        "kept as they are",
        _INFERRED + "test_numbers_and_markup_of_joined_json_stay_as_written",
    ),
    Row(
        "Re-written CSV fields that begin with a space",
        "quoted, as Go's writer does",
        _INFERRED + "test_a_re_written_field_that_begins_with_a_space_is_quoted",
    ),
    Row(
        "A slice beside other selectors, as in $[0,5:]",
        "the job fails, as reported in 2019, although the API reference has it as an example",
        _CSV + "test_a_slice_beside_other_selectors_fails_the_object",
    ),
    Row(
        "An underscore in a filter, as in $.a_b",
        "refused by CreateTransformJob, as reported in 2022",
        _SERVICE + "/test_create.py::test_what_cannot_be_done_is_refused_by_name",
    ),
    Row(
        "Characters that a filter on text/csv may have",
        "those of JSON without the ones for names",
        _SERVICE + "/test_create.py::test_what_cannot_be_done_is_refused_by_name",
    ),
    Row(
        "What a wildcard or a slice finds that lacks the rest of the path",
        "it is left out",
        _JSON + "test_a_wildcard_leaves_out_what_is_not_there",
    ),
    Row(
        "CSV rules other than those about quotes in the wrong place",
        "those of Go's encoding/csv; rows may differ in their number of columns",
        _CSV + "test_rows_are_read_and_written_as_go_does",
    ),
    Row(
        "An answer that is a JSON document of several lines, in a join of CSV",
        "the object fails, even if no quote is in the wrong place",
        _CSV + "test_an_answer_that_is_a_json_document_is_not_csv",
    ),
    Row(
        "Half of a surrogate pair in joined JSON",
        "U+FFFD, as in Go",
        _JSON + "test_json_lines_are_joined",
    ),
    # Life of a job
    Row(
        "Outputs already written when a job is stopped",
        "they stay; unfinished objects leave none",
        _INFERRED + "test_a_stopped_job_keeps_finished_outputs_and_leaves_no_others",
    ),
    Row(
        "An object that a manifest names but the bucket lacks",
        "that object fails with a ClientError",
        _INFERRED + "test_an_object_missing_from_the_bucket_fails_alone",
    ),
    Row(
        "StopTransformJob of a job that has ended",
        "ValidationException",
        _SERVICE + "/test_stop.py::test_a_job_that_has_ended_cannot_be_stopped",
    ),
    Row(
        "The message of that error, up to the status",
        "our own wording",
        _SERVICE + "/test_stop.py::test_a_job_that_has_ended_cannot_be_stopped",
    ),
    # Requests
    Row(
        "Capital letters of a job's name in its ARN",
        "they are kept",
        _SERVICE + "/test_create.py::test_an_arn_keeps_the_case_of_the_name",
    ),
    Row(
        "The message for a name in use, up to the ARN",
        "the one for processing jobs",
        _SERVICE + "/test_create.py::test_a_name_can_be_used_once_only",
    ),
    Row(
        "The limit on MaxConcurrentTransforms times MaxPayloadInMB, if the payload is not set",
        "the payload counts as 6",
        _SERVICE + "/test_create.py::test_concurrency_times_payload_is_at_most_100",
    ),
    Row(
        "The message for a product above 100, up to the factors",
        "our own wording",
        _SERVICE + "/test_create.py::test_concurrency_times_payload_is_at_most_100",
    ),
    Row(
        "A filter beyond SageMaker's JSONPath subset",
        "refused by CreateTransformJob",
        _SERVICE + "/test_create.py::test_what_cannot_be_done_is_refused_by_name",
    ),
    Row(
        "JoinSource Input with SplitType and AssembleWith that differ, or that are not Line for CSV",
        "refused by CreateTransformJob",
        _SERVICE + "/test_create.py::test_a_join_needs_records_cut_and_assembled_alike",
    ),
    Row(
        "JoinSource Input with unsuitable or differing ContentType and Accept",
        "refused by CreateTransformJob",
        _SERVICE + "/test_create.py::test_a_join_of_unsuitable_types_is_refused",
    ),
)
