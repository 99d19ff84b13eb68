"""The watch over running jobs: quick for a few, bounded for many."""

from __future__ import annotations

from localcloud.operator.progress import Progress
from localcloud.operator.reconciler import Sighting
from localcloud.operator.resource import Key
from tests.localcloud.operator.fake_sagemaker import REGION, FakeSageMaker


def arranged(count: int, calls: int = 10) -> tuple[Progress, FakeSageMaker, list[Key]]:
    aws, looked_at = FakeSageMaker(), list[Key]()
    progress = Progress(looked_at.append, calls)
    for number in range(count):
        name = f"job-{number}"
        aws.jobs[REGION, name] = {"TransformJobName": name, "TransformJobStatus": "InProgress"}
        progress.observe(Key("default", name), Sighting(name, "InProgress", aws.in_region(REGION), failing=False))
    return progress, aws, looked_at


def test_a_job_that_moved_on_is_looked_at() -> None:
    progress, aws, looked_at = arranged(3)
    progress.ask()
    assert looked_at == []
    aws.settle("job-1", "Completed")
    progress.ask()
    assert looked_at == [Key("default", "job-1")]


def test_a_job_that_vanished_is_looked_at() -> None:
    progress, aws, looked_at = arranged(1)
    aws.forget()
    progress.ask()
    assert looked_at == [Key("default", "job-0")]


def test_an_endpoint_that_does_not_answer_is_not_news() -> None:
    progress, aws, looked_at = arranged(1)
    aws.fail("DescribeTransformJob", "InternalFailure", "down", status=500)
    progress.ask()
    assert looked_at == []


def test_an_object_in_trouble_is_looked_at_as_soon_as_its_job_can_be_seen() -> None:
    progress, aws, looked_at = arranged(0)
    aws.jobs[REGION, "job"] = {"TransformJobName": "job", "TransformJobStatus": "InProgress"}
    progress.observe(Key("default", "job"), Sighting("job", "InProgress", aws.in_region(REGION), failing=True))
    aws.fail("DescribeTransformJob", "InternalFailure", "down", status=500)
    progress.ask()
    assert looked_at == []
    aws.heal()
    progress.ask()
    assert looked_at == [Key("default", "job")]


def test_a_finished_job_is_not_asked_for_again() -> None:
    progress, aws, _ = arranged(1)
    progress.observe(Key("default", "job-0"), Sighting("job-0", "Completed", aws.in_region(REGION), failing=False))
    progress.ask()
    assert aws.calls == []


def test_the_number_of_calls_is_bounded_and_each_job_gets_its_turn() -> None:
    progress, aws, _ = arranged(100)
    for _ in range(20):
        before = len(aws.calls)
        progress.ask()
        assert len(aws.calls) - before == 10
    assert {call.name for call in aws.calls} == {f"job-{number}" for number in range(100)}
    assert [call.name for call in aws.calls].count("job-0") == 20  # the longest running each time
