"""Everything with a stack's tags is listed; objects of others, or that cannot be read, do not prevent that."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from workshop import leftovers

OURS = [{"Key": "project", "Value": "sagemaker-batch-workshop"}, {"Key": "stack", "Value": "dev"}]
OTHERS = [{"Key": "project", "Value": "sagemaker-batch-workshop"}, {"Key": "stack", "Value": "prod"}]


def refused(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": ""}}, "GetBucketTagging")


class FakeAccount:
    """Every client in one: an account with these buckets, whose tags or whose refusal to tell them are given."""

    def __init__(
        self, buckets: dict[str, list[dict[str, str]] | ClientError], jobs: list[str], running: dict[str, Any]
    ) -> None:
        self.buckets, self.jobs, self.running = buckets, jobs, running
        self.clusters: dict[str, dict[str, str]] = {}

    def get_bucket_tagging(self, Bucket: str) -> dict[str, Any]:  # noqa: N803  boto3's name
        answer = self.buckets[Bucket]
        if isinstance(answer, ClientError):
            raise answer
        return {"TagSet": answer}

    def get_paginator(self, operation: str) -> Any:
        if operation == "list_clusters":
            return SimpleNamespace(paginate=lambda: [{"clusters": list(self.clusters)}])
        if operation == "list_buckets":
            return SimpleNamespace(paginate=lambda: [{"Buckets": [{"Name": name}]} for name in self.buckets])
        return FakePages(self.jobs, list(self.running)) if operation == "list_transform_jobs" else FakePages([], [])

    def describe_cluster(self, name: str) -> dict[str, Any]:
        return {"cluster": {"tags": self.clusters[name]}}

    def list_tags(self, ResourceArn: str) -> dict[str, Any]:  # noqa: N803
        return {"Tags": self.running[ResourceArn]}


class FakePages:
    """One page of transform jobs, those that ended and those that run; the ARN of one is its name."""

    def __init__(self, ended: list[str], running: list[str]) -> None:
        self.jobs = [(name, "Completed") for name in ended] + [(name, "InProgress") for name in running]

    def paginate(self, NameContains: str = "", StatusEquals: str = "", **_: object) -> list[dict[str, Any]]:  # noqa: N803
        summaries = [
            {"TransformJobName": name, "TransformJobArn": name, "TransformJobStatus": status}
            for name, status in self.jobs
            if NameContains in name and StatusEquals in {"", status}
        ]
        return [{"TransformJobSummaries": summaries}] if summaries else []


Listed = Callable[..., tuple[int, str]]


@pytest.fixture
def regions() -> list[str]:
    """The regions in which was asked."""
    return []


@pytest.fixture
def listed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], regions: list[str]) -> Listed:
    def run(
        buckets: dict[str, Any],
        *arguments: str,
        jobs: tuple[str, ...] = (),
        running: dict[str, Any] | None = None,
        clusters: tuple[str, ...] = (),
    ) -> tuple[int, str]:
        account = FakeAccount(buckets, list(jobs), dict(running or {}))
        account.clusters = {name: {tag["Key"]: tag["Value"] for tag in OURS} for name in clusters}
        monkeypatch.setattr(leftovers, "_client", lambda session, _: regions.append(session.region_name) or account)
        code = leftovers.main(["--stack", "dev", *arguments])
        return code, capsys.readouterr().out

    return run


def test_resources_with_the_stacks_tags_are_reported_as_left_with_the_next_command(listed: Listed) -> None:
    code, said = listed({"a": OURS, "b": OTHERS, "c": []})
    assert code == 1
    assert said.splitlines() == [
        "left: bucket a",
        "`make destroy STACK=dev` removes what Pulumi knows about; delete by hand what is left then",
    ]


def test_a_stack_that_stands_is_not_called_left(listed: Listed) -> None:
    code, said = listed({"a": OURS}, clusters=("c",))
    assert code == 1
    assert said.splitlines()[:3] == [
        "stack dev stands: it has its cluster; these are its objects",
        "there: bucket a",
        "there: cluster c",
    ]


def test_an_account_of_other_resources_has_no_leftovers(listed: Listed) -> None:
    assert listed({"b": OTHERS, "untagged": refused("NoSuchTagSet")}) == (0, "nothing of stack dev is left\n")


def test_other_resources_are_listed_on_request_and_do_not_count(listed: Listed) -> None:
    code, said = listed({"b": OTHERS, "mine": []}, "--all")
    assert code == 0
    assert said.splitlines() == [
        "nothing of stack dev is left",
        "not of this stack: bucket b",
        "not of this stack: bucket mine",
    ]


def test_the_tag_is_the_name_of_the_project(listed: Listed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leftovers, "project", lambda: "renamed")
    tags = [{"Key": "project", "Value": "renamed"}, {"Key": "stack", "Value": "dev"}]
    code, said = listed({"a": OURS, "b": tags})
    assert (code, said.splitlines()[0]) == (1, "left: bucket b")


def test_resources_that_may_not_be_read_are_reported(listed: Listed) -> None:
    code, said = listed({"locked": refused("AccessDenied")})
    assert code == 0
    assert "not checked, because the permission is missing: 1, for example bucket locked" in said


def test_a_resource_that_is_deleted_while_listing_is_not_left(listed: Listed) -> None:
    assert listed({"gone": refused("NoSuchBucket")}) == (0, "nothing of stack dev is left\n")


def test_the_records_of_the_stacks_own_jobs_are_kept_and_those_of_others_not_named(listed: Listed) -> None:
    _, said = listed({}, jobs=("batch-workshop-churn-1a2b3c4d", "their-batch-workshop-x"))
    assert (
        "AWS keeps the records and logs of ended jobs: 1 in all, for example transform job batch-workshop-churn" in said
    )


def test_records_that_are_kept_by_design_can_be_left_out(listed: Listed) -> None:
    _, said = listed({}, "--all", "--no-records", jobs=("batch-workshop-churn-1a2b3c4d",))
    assert said == "nothing of stack dev is left\n"


def test_a_job_that_runs_on_without_its_object_is_left_and_how_to_stop_it_is_reported(listed: Listed) -> None:
    code, said = listed({}, running={"batch-workshop-churn-1a2b3c4d": OURS, "batch-workshop-2-x": OTHERS})
    assert code == 1
    assert said.splitlines()[:2] == [
        "left: running transform job batch-workshop-churn-1a2b3c4d",
        "      aws sagemaker stop-transform-job --transform-job-name batch-workshop-churn-1a2b3c4d",
    ]
    assert "batch-workshop-2-x" not in said


def test_the_stacks_own_region_is_asked_whatever_the_environment_says(
    listed: Listed, regions: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    listed({})
    assert set(regions) == {"us-east-1"}


def test_an_account_that_cannot_be_listed_is_reported(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise refused("ExpiredToken")

    monkeypatch.setattr(leftovers, "_client", refuse)
    assert leftovers.main(["--stack", "dev"]) == 2
    assert "`make preflight STACK=dev` says how to sign in" in capsys.readouterr().err
