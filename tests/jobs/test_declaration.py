"""Declaring jobs: collected, checked together, put in order."""

import gzip
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pulumi
import pytest

from infra.model_args import ModelArgs
from jobs import churn, declaration
from jobs.account import Account
from jobs.arguments import TransformJobArgs
from jobs.declaration import JobDefaults, Jobs
from jobs.inputs import ResultOf
from lookups.s3 import S3Object
from tests.jobs.declaring import ARGS, archive, refused


def plan(defaults: JobDefaults, *declarations: Callable[[Jobs], object]) -> list[str]:
    return [job.name for job in declaration.collect(declarations, defaults)]


def test_a_rerun_affects_its_job_only(defaults: JobDefaults) -> None:
    planned = declaration.collect([lambda jobs: (jobs.add("a", ARGS), jobs.add("b", ARGS))], defaults)
    assert {job.name: job.rerun for job in planned} == {"a": "2", "b": ""}


def test_a_job_follows_the_one_whose_result_it_reads(defaults: JobDefaults) -> None:
    def declare(jobs: Jobs) -> None:
        jobs.add("second", TransformJobArgs(input=ResultOf("first")))
        jobs.add("first", ARGS)

    assert plan(defaults, declare) == ["first", "second"]


def test_two_jobs_of_one_name_are_refused(defaults: JobDefaults) -> None:
    message = refused(defaults, lambda jobs: jobs.add("a", ARGS), lambda jobs: jobs.add("a", ARGS))
    assert "a: two jobs have this name" in message


def test_a_cycle_is_refused_by_its_names(defaults: JobDefaults) -> None:
    def declare(jobs: Jobs) -> None:
        jobs.add("free", ARGS)
        jobs.add("a", TransformJobArgs(input=ResultOf("b")))
        jobs.add("b", TransformJobArgs(input=ResultOf("a")))

    assert "a, b: each must wait for another one to end" in refused(defaults, declare)


def test_a_job_that_needs_itself_is_refused(defaults: JobDefaults) -> None:
    assert "a: each must wait" in refused(defaults, lambda jobs: jobs.add("a", TransformJobArgs(input=ResultOf("a"))))


def test_the_result_of_an_undeclared_job_is_refused(defaults: JobDefaults) -> None:
    message = refused(defaults, lambda jobs: jobs.add("a", TransformJobArgs(input=ResultOf("gone"))))
    assert "a: it needs the job 'gone', which is not declared" in message


@pytest.mark.parametrize(
    "second",
    [
        pytest.param(TransformJobArgs(input=ResultOf("a")), id="the reader of its result"),
        pytest.param(TransformJobArgs(input="in.csv", after=("a",)), id="the one after it"),
    ],
)
def test_nobody_can_follow_a_job_that_is_not_waited_for(defaults: JobDefaults, second: TransformJobArgs) -> None:
    def declare(jobs: Jobs) -> None:
        jobs.add("a", TransformJobArgs(input="in.csv", wait=False))
        jobs.add("b", second)

    assert "b: it must follow the job 'a', which has wait=False" in refused(defaults, declare)


def test_a_header_is_refused_for_the_stacks_model(defaults: JobDefaults) -> None:
    (defaults.root / "in.csv").write_text("state,minutes\n1,2\n")
    defaults = replace(defaults, model=ModelArgs(archive=archive(defaults.root / "m.tar.gz", 2)))
    assert "looks like a header (state,minutes)" in refused(defaults, lambda jobs: jobs.add("a", ARGS))


@pytest.mark.parametrize(
    "args",
    [
        pytest.param(TransformJobArgs(input="in.csv", model_name="own"), id="another model"),
        pytest.param(TransformJobArgs(input="in.csv", content_type="text/plain"), id="another type"),
    ],
)
def test_a_first_line_without_numbers_may_be_meant_with(defaults: JobDefaults, args: TransformJobArgs) -> None:
    (defaults.root / "in.csv").write_text("state,minutes\n1,2\n")
    assert plan(defaults, lambda jobs: jobs.add("a", args)) == ["a"]


def test_everything_wrong_with_all_jobs_is_one_message(defaults: JobDefaults) -> None:
    def declare(jobs: Jobs) -> None:
        jobs.add("Capital", ARGS)
        jobs.add("x" * 60, ARGS)
        jobs.add("missing", TransformJobArgs(input="nowhere.csv"))
        jobs.add("wrong", replace(ARGS, split_type="line", instance_type="ml.p3.2xlarge"))

    lines = refused(defaults, declare).splitlines()
    assert lines[0] == "5 problems in the declared jobs; nothing was created."
    assert [line.split(":")[0] for line in lines[1:]] == [
        "  - Capital",
        f"  - {'x' * 60}",
        "  - missing",
        "  - wrong",
        "  - wrong",
    ]


def test_arguments_of_a_wrong_type_are_refused_together_with_all_other_problems(defaults: JobDefaults) -> None:
    def declare(jobs: Jobs) -> None:
        jobs.add("a", replace(ARGS, max_payload_in_mb="6"))
        jobs.add("b", replace(ARGS, input=5, environment={"N": 1}))
        jobs.add("c", TransformJobArgs(input=ResultOf("a")))

    lines = refused(defaults, declare).splitlines()[1:]
    assert [line.split(" is not allowed")[0] for line in lines] == [
        "  - a: max_payload_in_mb: '6'",
        "  - b: input: 5",
        "  - b: environment: {'N': 1}",
    ]


def test_a_job_that_would_read_its_own_results_is_refused_and_one_that_reads_anothers_is_not(
    defaults: JobDefaults,
) -> None:
    def declare(jobs: Jobs) -> None:
        jobs.add("own", TransformJobArgs(input="s3://my/out/w-own-", output_base="s3://my/out"))
        jobs.add("others", TransformJobArgs(input="s3://my/out/w-own-1/", output_base="s3://my/out"))

    listed = [S3Object("out/w-own-1/x.out", "e", 1)]
    with pytest.raises(pulumi.RunError, match="1 problem in the declared jobs; nothing was created") as error:
        declaration.collect([declare], defaults, Account(list_objects=lambda _: listed))
    assert "own: input: 's3://my/out/w-own-' is not allowed with the output under s3://my/out" in str(error.value)


@pytest.fixture
def warnings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    said: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", said.append)
    return said


def test_a_bucket_that_no_setting_names_is_reported_and_not_refused(defaults: JobDefaults, warnings: list[str]) -> None:
    def declare(jobs: Jobs) -> None:
        first = jobs.add("a", replace(ARGS, output_base="s3://theirs/out"))
        jobs.add("b", TransformJobArgs(input=first))
        jobs.add("c", TransformJobArgs(input="s3://ours/x"))

    allowed = replace(defaults, rerun={}, limits=replace(defaults.limits, input_buckets=("ours",)))
    listed = [S3Object("x", "e", 1)]
    assert len(declaration.collect([declare], allowed, Account(list_objects=lambda _: listed))) == 3
    assert [text.partition(",")[0] for text in warnings] == [
        "a: it writes to the bucket theirs",
        "b: it reads from the bucket theirs",
    ]


def test_a_rerun_of_an_undeclared_job_is_reported(defaults: JobDefaults, warnings: list[str]) -> None:
    assert plan(defaults, lambda jobs: jobs.add("b", ARGS)) == ["b"]
    said = "config rerun.a names no job of this program; declared are: b. To remove it: pulumi config rm --path rerun.a"
    assert warnings == [said]


@pytest.mark.parametrize(
    ("declarations", "message"),
    [
        pytest.param(len, "is the function len alone: put a comma after it, as in (churn.declare,)", id="no comma"),
        pytest.param((None,), "contains None: name a function without calling it", id="a function's call"),
        pytest.param((churn,), "names the module churn: name its function, churn.declare", id="a module"),
        pytest.param(("churn",), "contains 'churn': each item must be a function", id="a text"),
        pytest.param(5, "is 5: it must be a tuple of functions", id="a number"),
    ],
)
def test_a_wrong_list_of_declarations_is_reported_in_one_line(
    defaults: JobDefaults, declarations: Any, message: str
) -> None:
    with pytest.raises(pulumi.RunError) as error:
        declaration.collect(declarations, defaults)
    assert f"DECLARATIONS in jobs/declared.py {message}" in str(error.value)


def test_a_declaration_that_fails_is_reported_together_with_all_other_problems(defaults: JobDefaults) -> None:
    def misnamed(jobs: Jobs) -> None:
        jobs.add("a", TransformJobArgs(input="in.csv", strategy="x"))  # pyright: ignore[reportCallIssue]

    message = refused(defaults, misnamed, lambda jobs: jobs.add("b", TransformJobArgs(input="gone.csv")))
    assert "2 problems" in message
    assert "TransformJobArgs has no argument 'strategy'" in message


@pytest.mark.parametrize(
    ("call", "problem"),
    [
        pytest.param(lambda add: add("a", input="in.csv"), "missing a required argument: 'args'", id="no args"),
        pytest.param(lambda add: add("a"), "missing a required argument: 'args'", id="a name alone"),
        pytest.param(
            lambda add: add("a", "in.csv"), "args: 'in.csv' is not allowed. Allowed: TransformJobArgs", id="a path"
        ),
        pytest.param(lambda add: add("a", None), "args: None is not allowed. Allowed: TransformJobArgs", id="None"),
        pytest.param(lambda add: add("a", [ARGS]), " is not allowed. Allowed: TransformJobArgs", id="a list"),
        pytest.param(lambda add: add(5, ARGS), "name: 5 is not allowed. Allowed: a text", id="a number for a name"),
    ],
)
def test_a_wrong_call_is_reported_in_one_line_with_its_place_and_an_example(
    defaults: JobDefaults, call: Callable[[Any], object], problem: str
) -> None:
    message = refused(defaults, lambda jobs: call(jobs.add), lambda jobs: jobs.add("b", ARGS))
    (line,) = message.splitlines()[1:]
    assert line.startswith("  - tests/jobs/test_declaration.py, line ")
    assert problem in line
    assert line.endswith('Write for example: jobs.add("late", TransformJobArgs(input="late.csv"))')


def test_a_missing_file_names_the_folder_that_paths_start_from(defaults: JobDefaults) -> None:
    message = refused(defaults, lambda jobs: jobs.add("b", TransformJobArgs(input="gone.csv")))
    assert f"there is no file or folder gone.csv in {defaults.root}; a relative path starts from" in message


def test_the_beginning_of_an_object_in_s3_is_checked_too(defaults: JobDefaults) -> None:
    defaults = replace(defaults, model=ModelArgs(archive=archive(defaults.root / "m.tar.gz", 2)))
    account = Account(list_objects=lambda _: [S3Object("in.csv", "e", 8)], read_head=lambda *_: b"1,2,3\n")
    with pytest.raises(pulumi.RunError, match=r"b: s3://mine/in.csv has 3 columns, and the model expects 2"):
        declaration.collect([lambda jobs: jobs.add("b", TransformJobArgs(input="s3://mine/in.csv"))], defaults, account)


def test_a_folder_of_files_that_do_not_fit_shows_the_first_and_counts_the_others(defaults: JobDefaults) -> None:
    defaults = replace(defaults, model=ModelArgs(archive=archive(defaults.root / "m.tar.gz", 2)))
    (defaults.root / "texts").mkdir()
    for number in range(9):
        (defaults.root / "texts" / f"{number}.md").write_text("# A heading\n")
    lines = refused(defaults, lambda jobs: jobs.add("a", TransformJobArgs(input="texts"))).splitlines()[1:]
    assert ["/texts/" in line for line in lines] == [True] * 5 + [False]
    assert lines[-1] == "  - a: and 4 more like these; is texts the right folder?"


def test_a_job_without_a_name_is_reported_as_such(defaults: JobDefaults) -> None:
    assert "  - '': the name must consist of a-z" in refused(defaults, lambda jobs: jobs.add("", ARGS))


def test_an_input_that_should_be_compressed_is_looked_at_inside(defaults: JobDefaults) -> None:
    defaults = replace(defaults, model=ModelArgs(archive=archive(defaults.root / "m.tar.gz", 2)))
    args = TransformJobArgs(input="in.csv", compression_type="Gzip")
    assert "in.csv is not compressed with gzip" in refused(defaults, lambda jobs: jobs.add("b", args))
    (defaults.root / "in.csv").write_bytes(gzip.compress(b"1,2,3\n"))
    assert "has 3 columns, and the model expects 2" in refused(defaults, lambda jobs: jobs.add("b", args))


def test_a_file_declares_its_jobs_where_the_list_names_it() -> None:
    from jobs import declared  # noqa: PLC0415 the list is what is tested

    assert churn.declare in declared.DECLARATIONS


def test_a_filter_that_reports_doubt_is_reported_and_not_refused(defaults: JobDefaults, warnings: list[str]) -> None:
    args = TransformJobArgs(input="in.csv", join_source="Input", output_filter="$[0,5:]")
    assert [job.name for job in declaration.collect([lambda jobs: jobs.add("a", args)], defaults)] == ["a"]
    (warning,) = warnings
    assert warning.startswith("a: output_filter: the job is reported to fail with it: Invalid JsonPath: $[0,5:]: ")
