"""What is not publicly known of AWS's batch transform: one switch for each point, with what we chose.

Each switch is a field of `Choices`; its metadata is a row of the table "Differences from AWS". A run takes its
choices from the environment, e.g. LOCALCLOUD_TRANSFORM_CHOICES="slice_end_inclusive=true;...".
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

VARIABLE = "LOCALCLOUD_TRANSFORM_CHOICES"
_SERVICE = "tests/localcloud/aws/sagemaker"
_INFERRED = "tests/localcloud/batch_transform/test_conformance_inferred.py::"


class UnknownSwitchError(ValueError):
    """The environment variable names a switch that is none, or a value that does not fit it."""


@dataclass(frozen=True)
class Row:
    """A row of the table "Differences from AWS".

    Args:
        what: the point that is not publicly known.
        choice: what happens here.
        switch: the field of `Choices` that decides it.
        test: id of the test that pins it.
    """

    what: str
    choice: str
    switch: str
    test: str


def _switch(default: bool | str, what: str, choice: str, test: str) -> Any:  # noqa: FBT001  the value is the point
    return dataclasses.field(default=default, metadata={"what": what, "choice": choice, "test": test})


@dataclass(frozen=True)
class Choices:
    """How open points are decided; the defaults are the likeliest reading of what is public."""

    # Input and output keys
    sub_prefixes_kept: bool = _switch(
        default=True,
        what="Output key of an object in a folder below S3Uri",
        choice="the folder stays in the output key (otherwise: the base name only)",
        test=_INFERRED + "test_a_folder_below_the_prefix_stays_in_the_output_key",
    )
    partial_prefix_keeps_base_name: bool = _switch(
        default=True,
        what="Output key when S3Uri ends inside a name",
        choice="the whole base name is kept (otherwise: only what follows the prefix)",
        test=_INFERRED + "test_a_prefix_that_ends_inside_a_name_keeps_the_whole_name",
    )
    manifest_keeps_relative_path: bool = _switch(
        default=True,
        what="Output key of an object named by a manifest",
        choice="the manifest's entry and .out (otherwise: the base name only)",
        test=_INFERRED + "test_an_entry_of_a_manifest_keeps_its_relative_path",
    )
    gzip_suffix_kept: bool = _switch(
        default=True,
        what="Output key of a compressed object",
        choice="x.csv.gz.out, its content not compressed (otherwise: x.csv.out)",
        test=_INFERRED + "test_a_gzip_object_keeps_its_suffix_and_its_output_is_plain",
    )
    manifest_prefix_concatenated: bool = _switch(
        default=True,
        what="How a manifest's prefix and entry make a key",
        choice="one after the other, nothing between (otherwise: a slash between where there is none)",
        test=_INFERRED + "test_a_manifests_prefix_and_entry_are_put_together_as_they_are",
    )
    folder_markers_skipped: bool = _switch(
        default=True,
        what="Zero-byte objects whose key ends in a slash",
        choice="skipped (otherwise: treated as any other object)",
        test=_INFERRED + "test_a_folder_marker_is_skipped",
    )
    empty_object_without_request: bool = _switch(
        default=True,
        what="Zero-byte object with a SplitType",
        choice="a zero-byte .out, the model is not asked (otherwise: one empty request)",
        test=_INFERRED + "test_an_empty_object_gives_an_empty_output_without_a_request",
    )
    # Splitting
    unterminated_line_stays: bool = _switch(
        default=True,
        what="Last line without a newline, MultiRecord",
        choice="sent as it is (otherwise: a newline is added)",
        test=_INFERRED + "test_an_unterminated_last_line_is_sent_as_it_is",
    )
    multi_record_keeps_last_terminator: bool = _switch(
        default=True,
        what="Newline after the last record of a MultiRecord body",
        choice="sent (otherwise: cut off)",
        test=_INFERRED + "test_a_body_of_many_records_keeps_its_last_newline",
    )
    single_record_keeps_terminator: bool = _switch(
        default=False,
        what="Body of a SingleRecord request",
        choice="the line without its newline (otherwise: with it)",
        test=_INFERRED + "test_a_single_record_is_sent_without_its_newline",
    )
    carriage_return_kept: bool = _switch(
        default=True,
        what="CRLF line ends, SingleRecord",
        choice="the carriage return belongs to the record (otherwise: it is cut off)",
        test=_INFERRED + "test_a_carriage_return_belongs_to_the_record",
    )
    blank_lines_sent: bool = _switch(
        default=True,
        what="Blank lines, SingleRecord",
        choice="each is a record and sent as an empty body (otherwise: skipped)",
        test=_INFERRED + "test_a_blank_line_is_a_record",
    )
    megabyte_is_binary: bool = _switch(
        default=True,
        what="How many bytes one MB of MaxPayloadInMB is",
        choice="1,048,576, as the XGBoost container reckons (otherwise: 1,000,000)",
        test=_INFERRED + "test_a_megabyte_is_two_to_the_twentieth",
    )
    terminator_counts_as_payload: bool = _switch(
        default=True,
        what="Whether the newline of a body's last record counts towards MaxPayloadInMB",
        choice="it counts, a body is never larger than the limit (otherwise: one byte more is let through)",
        test=_INFERRED + "test_the_last_newline_counts_towards_the_payload",
    )
    oversize_record_text: str = _switch(
        default="Record is larger than MaxPayloadInMB",
        what="Log line for a record larger than the payload",
        choice="our own words; the object fails with a ClientError",
        test=_INFERRED + "test_a_record_larger_than_the_payload_fails_its_object",
    )
    # Invocation
    content_type_omitted_when_unset: bool = _switch(
        default=True,
        what="Content-Type header when TransformInput.ContentType is unset",
        choice="no header (otherwise: application/octet-stream)",
        test=_INFERRED + "test_no_content_type_is_sent_when_none_is_set",
    )
    any_2xx_is_success: bool = _switch(
        default=True,
        what="Answers with a status of 201 to 299",
        choice="a success as 200 is (otherwise: a failure)",
        test=_INFERRED + "test_every_2xx_is_a_success",
    )
    job_environment_wins: bool = _switch(
        default=True,
        what="A variable that both CreateModel and CreateTransformJob set",
        choice="the job's value (otherwise: the model's)",
        test=_INFERRED + "test_the_jobs_environment_wins_over_the_models",
    )
    server_errors_retried: bool = _switch(
        default=True,
        what="Answers with status 5xx",
        choice="tried again at once, up to InvocationsMaxRetries times (otherwise: never)",
        test=_INFERRED + "test_a_server_error_is_tried_again_up_to_the_limit",
    )
    client_errors_retried: bool = _switch(
        default=False,
        what="Answers with status 4xx",
        choice="not tried again (otherwise: as 5xx)",
        test=_INFERRED + "test_a_client_error_is_not_tried_again",
    )
    no_response_retried: bool = _switch(
        default=True,
        what="Connections that break off, and answers that do not come in time",
        choice="tried again at once, up to InvocationsMaxRetries times (otherwise: never)",
        test=_INFERRED + "test_no_answer_is_tried_again_up_to_the_limit",
    )
    server_error_reason: str = _switch(
        default="AlgorithmError: See job logs for more information",
        what="FailureReason after an answer with status 5xx",
        choice="AlgorithmError, seen for jobs whose status is not told",
        test=_INFERRED + "test_a_server_error_is_an_algorithm_error",
    )
    no_response_reason: str = _switch(
        default="InternalServerError: We encountered an internal error.  Please try again.",
        what="FailureReason when a container breaks off or does not answer in time",
        choice="InternalServerError, as reports of 2019 and 2020 have it (one of 2021 says AlgorithmError)",
        test=_INFERRED + "test_no_answer_is_an_internal_server_error",
    )
    container_exit_reason: str = _switch(
        default="AlgorithmError: Model container failed to respond to ping",
        what="FailureReason when a container ends before it answers /ping",
        choice="the text for a container that does not answer",
        test=_INFERRED + "test_a_container_that_ends_fails_the_job_at_once",
    )
    # Assembling
    newline_after_empty_response: bool = _switch(
        default=False,
        what="AssembleWith Line and an empty response",
        choice="nothing is written (otherwise: a blank line)",
        test=_INFERRED + "test_an_empty_response_adds_no_blank_line",
    )
    output_content_type: str = _switch(
        default="application/octet-stream",
        what="Content-Type of the .out objects in S3",
        choice="that of S3 for unknown content",
        test=_SERVICE + "/test_storage.py::test_an_output_has_the_content_type_of_the_switch",
    )
    # Filters and join
    slice_end_inclusive: bool = _switch(
        default=False,
        what="End of a slice such as $[1:4] in a filter",
        choice="exclusive, as in the JSONPath library that AWS points to (otherwise: inclusive, as AWS's prose says)",
        test=_INFERRED + "test_the_end_of_a_slice_is_exclusive",
    )
    missing_name_fails: bool = _switch(
        default=True,
        what="A name or index that a JSON record lacks",
        choice="the object fails (otherwise: it is left out)",
        test=_INFERRED + "test_a_name_that_the_record_lacks_fails_the_object",
    )
    join_needs_equal_line_counts: bool = _switch(
        default=True,
        what="Join when the model answers with fewer or more lines than it got",
        choice="the object fails (otherwise: joined as far as both go)",
        test=_INFERRED + "test_a_join_of_unequal_line_counts_fails_the_object",
    )
    line_count_text: str = _switch(
        default="Fail to join data: mismatched line count between the input and the output",
        what="Log line for that",
        choice="the text as remembered by users",
        test=_INFERRED + "test_a_join_of_unequal_line_counts_fails_the_object",
    )
    json_numbers_keep_text: bool = _switch(
        default=True,
        what="Numbers in joined JSON",
        choice="as they were written (otherwise: as Go renders a float64, 1.0 becomes 1)",
        test=_INFERRED + "test_numbers_and_markup_of_joined_json_stay_as_written",
    )
    json_html_escaped: bool = _switch(
        default=False,
        what="<, > and & in joined JSON",
        choice="as they are (otherwise: escaped as Go does)",
        test=_INFERRED + "test_numbers_and_markup_of_joined_json_stay_as_written",
    )
    csv_space_quoted: bool = _switch(
        default=True,
        what="Re-written CSV fields that begin with a space",
        choice="quoted, as Go's writer does (otherwise: not)",
        test=_INFERRED + "test_a_re_written_field_that_begins_with_a_space_is_quoted",
    )
    # Life of a job
    stop_keeps_finished_outputs: bool = _switch(
        default=True,
        what="Outputs already written when a job is stopped",
        choice="they stay; unfinished objects leave none (otherwise: they are deleted)",
        test=_INFERRED + "test_a_stopped_job_keeps_finished_outputs_and_leaves_no_others",
    )
    manifest_gap_fails_object: bool = _switch(
        default=True,
        what="An object that a manifest names and the bucket lacks",
        choice="that object fails with a ClientError (otherwise: it is skipped)",
        test=_INFERRED + "test_an_object_missing_from_the_bucket_fails_alone",
    )

    stop_of_ended_job_refused: bool = _switch(
        default=True,
        what="StopTransformJob of a job that has ended",
        choice="ValidationException (otherwise: accepted, nothing happens)",
        test=_SERVICE + "/test_stop.py::test_a_job_that_has_ended_cannot_be_stopped",
    )
    stop_refused_text: str = _switch(
        default="The request was rejected because the transform job is in status",
        what="Message for that; the status follows",
        choice="our own words",
        test=_SERVICE + "/test_stop.py::test_a_job_that_has_ended_cannot_be_stopped",
    )
    # Requests
    job_arn_keeps_case: bool = _switch(
        default=True,
        what="Capital letters of a job's name in its ARN",
        choice="they stay (otherwise: written small)",
        test=_SERVICE + "/test_create.py::test_an_arn_keeps_the_case_of_the_name",
    )
    name_taken_text: str = _switch(
        default="Job name must be unique within an AWS account and region, and a job with this name already exists",
        what="Message for a name in use; the ARN follows",
        choice="that of processing jobs",
        test=_SERVICE + "/test_create.py::test_a_name_can_be_used_once_only",
    )
    unset_payload_counts_as_default: bool = _switch(
        default=True,
        what="MaxConcurrentTransforms without MaxPayloadInMB in the limit on their product",
        choice="the payload counts as 6 (otherwise: there is no limit then)",
        test=_SERVICE + "/test_create.py::test_concurrency_times_payload_is_at_most_100",
    )
    payload_product_text: str = _switch(
        default="The product of MaxConcurrentTransforms and MaxPayloadInMB must be at most 100 MB",
        what="Message for a product above 100; the factors follow",
        choice="our own words",
        test=_SERVICE + "/test_create.py::test_concurrency_times_payload_is_at_most_100",
    )
    filters_checked_at_create: bool = _switch(
        default=True,
        what="A filter beyond SageMaker's JSONPath subset",
        choice="refused by CreateTransformJob (otherwise: the job fails)",
        test=_SERVICE + "/test_create.py::test_by_switch_a_filter_beyond_the_subset_is_let_through",
    )
    join_split_checked_at_create: bool = _switch(
        default=True,
        what="JoinSource Input with SplitType and AssembleWith that differ, or that are not Line for CSV",
        choice="refused by CreateTransformJob (otherwise: the job runs, and fails where it cannot join)",
        test=_SERVICE + "/test_create.py::test_a_join_needs_records_cut_and_assembled_alike",
    )
    join_types_checked_at_create: bool = _switch(
        default=True,
        what="JoinSource Input with unsuitable or differing ContentType and Accept",
        choice="refused by CreateTransformJob (otherwise: the job fails)",
        test=_SERVICE + "/test_create.py::test_a_join_of_unsuitable_types_is_refused",
    )

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Choices:
        """The defaults, with what LOCALCLOUD_TRANSFORM_CHOICES says otherwise.

        Raises:
            UnknownSwitchError: a name or value that is none.
        """
        pairs = [pair.partition("=") for pair in environment.get(VARIABLE, "").split(";") if pair.strip()]
        return dataclasses.replace(cls(), **{name.strip(): _value(name.strip(), text) for name, _, text in pairs})


def rows() -> list[Row]:
    """The table "Differences from AWS", in the order of the switches."""
    return [
        Row(field.metadata["what"], field.metadata["choice"], field.name, field.metadata["test"])
        for field in dataclasses.fields(Choices)
    ]


def table() -> str:
    """The rows as a Markdown table."""
    lines = [f"| {row.what} | {row.choice} | `{row.switch}` | `{row.test}` |" for row in rows()]
    return "\n".join(["| not known of AWS | here | switch | pinned by |", "|---|---|---|---|", *lines]) + "\n"


def _value(name: str, text: str) -> bool | str:
    defaults = {field.name: field.default for field in dataclasses.fields(Choices)}
    if name not in defaults:
        raise UnknownSwitchError(f"{VARIABLE}: no switch is called {name!r}; there are: {', '.join(sorted(defaults))}")
    if isinstance(defaults[name], str):
        return text
    if text.strip().lower() not in {"true", "false"}:
        raise UnknownSwitchError(f"{VARIABLE}: {name} is true or false, not {text!r}")
    return text.strip().lower() == "true"
