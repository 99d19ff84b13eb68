"""Models of the jobs' own, beside the stack's: created with the job, named by content, alone or as a pipeline."""

import io
import json
import tarfile
from dataclasses import replace
from pathlib import Path

import pulumi
import pytest

from infra.model_args import SCRIPT
from jobs.arguments import ContainerArgs, ModelArgs, TransformJobArgs
from jobs.declaration import Jobs
from tests.program.harness import Graph, deploy
from tests.program.jobs import CSV, JOB, OBJECT, run

MODEL = "aws:sagemaker/model:Model"
OWN = f"{'1' * 12}.dkr.ecr.us-east-1.amazonaws.com/own:1"


@pytest.fixture(name="archive")
def _archive(tmp_path: Path) -> str:
    return packed(tmp_path / "risk.tar.gz", 18)


def packed(path: Path, features: int, **files: str) -> str:
    learner = {"learner_model_param": {"num_feature": str(features)}}
    with tarfile.open(path, "w:gz") as target:
        for name, text in {"xgboost-model": json.dumps({"learner": learner, "version": [3, 0, 5]}), **files}.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            target.addfile(member, io.BytesIO(text.encode()))
    return str(path)


def risk(args: ModelArgs, **more: object) -> Graph:
    return run(lambda jobs: jobs.add("risk", replace(TransformJobArgs(input=CSV, model=args), **more)))  # pyright: ignore[reportArgumentType]


def test_a_stack_without_new_arguments_keeps_its_names() -> None:
    graph = deploy()
    assert graph.outputs["model_name"] == "batch-workshop-model-f017e51d"
    assert graph.outputs["transform_jobs"]["churn"]["job_name"] == "batch-workshop-churn-f2a1e42f"


class TestAModelOfAJobsOwn:
    def test_is_created_with_the_job_which_asks_it(self, archive: str) -> None:
        graph = risk(ModelArgs(archive=archive, environment={"A": "1"}))
        model = graph.one(MODEL, "risk-model")
        assert model.inputs["name"].startswith("batch-workshop-risk-")
        assert graph.one(JOB, "risk").inputs["spec"]["modelName"] == model.inputs["name"]
        assert graph.outlives(model, graph.one(JOB, "risk"))
        container = model.inputs["primaryContainer"]
        assert container["environment"] == {"A": "1"}
        assert container["image"].endswith("/sagemaker-xgboost:3.0-5")
        uploaded = graph.one(OBJECT, "risk-archive")
        assert container["modelDataUrl"].endswith(uploaded.inputs["key"])
        assert model.inputs["enableNetworkIsolation"] is True

    def test_leaves_the_stacks_own_as_it_is(self, archive: str) -> None:
        assert risk(ModelArgs(archive=archive)).outputs["model_name"] == "batch-workshop-model-f017e51d"

    def test_is_a_part_of_the_jobs_component(self, archive: str) -> None:
        graph = risk(ModelArgs(archive=archive))
        component = graph.one("workshop:index:TransformJob", "risk")
        assert graph.one("workshop:index:Model", "risk").parent == component.urn

    def test_gives_model_and_job_another_name_when_it_changes(self, archive: str) -> None:
        graphs = [risk(ModelArgs(archive=archive, environment={"A": value})) for value in "12"]
        models = {graph.one(MODEL, "risk-model").inputs["name"] for graph in graphs}
        jobs = {graph.outputs["transform_jobs"]["risk"]["job_name"] for graph in graphs}
        assert (len(models), len(jobs)) == (2, 2)

    def test_never_has_the_name_of_the_stacks_own(self) -> None:
        args = TransformJobArgs(input=CSV, model=ModelArgs(archive="model/model.tar.gz"))
        graph = run(lambda jobs: jobs.add("model", args))
        assert len({model.inputs["name"] for model in graph.all(MODEL)}) == 2

    def test_is_uploaded_once_for_all_jobs_that_use_it(self, archive: str) -> None:
        def three(jobs: Jobs) -> None:
            for name in "abc":
                jobs.add(name, TransformJobArgs(input=CSV, model=ModelArgs(archive=archive)))

        graph = run(three)
        assert graph.error is None
        (uploaded,) = [found for found in graph.all(OBJECT) if found.inputs["key"].startswith("model/jobs/")]
        assert uploaded.options.retainOnDelete
        assert len(graph.all(MODEL)) == 4

    def test_may_have_an_image_which_the_role_may_pull(self, archive: str) -> None:
        graph = risk(ModelArgs(archive=archive, image=OWN))
        policy = graph.one("aws:iam/rolePolicy:RolePolicy", "batch-workshop-execution").inputs["policy"]
        pull = next(found for found in json.loads(policy)["Statement"] if found["Sid"] == "PullImage")
        assert pull["Resource"] == [f"arn:aws:ecr:us-east-1:{'1' * 12}:repository/own"]

    def test_may_have_one_of_sagemakers_images_by_repository_and_tag(self, archive: str) -> None:
        own = "sagemaker-scikit-learn:1.4-2-cpu-py3"
        assert "finds no script without SAGEMAKER_PROGRAM" in str(risk(ModelArgs(archive=archive, image=own)).error)
        assert risk(ModelArgs(archive=archive, image=own), environment=SCRIPT).error is None
        graph = risk(ModelArgs(archive=archive, image=own, environment=SCRIPT))
        image = graph.one(MODEL, "risk-model").inputs["primaryContainer"]["image"]
        assert image == "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3"

    def test_has_a_network_and_says_so_only_where_that_is_asked_for(self, tmp_path: Path) -> None:
        code = packed(tmp_path / "code.tar.gz", 18, **{"code/requirements.txt": "x"})
        refused = risk(ModelArgs(archive=code, image=OWN))
        assert "ask for the network: ModelArgs(..., network_isolation=False)" in str(refused.error)
        model = risk(ModelArgs(archive=code, image=OWN, network_isolation=False)).one(MODEL, "risk-model")
        assert model.inputs["enableNetworkIsolation"] is False
        assert model.inputs["tags"]["network"] == "declared"


def test_a_pipeline_is_a_model_of_several_containers_in_order(archive: str, tmp_path: Path) -> None:
    scale = packed(tmp_path / "scale.tar.gz", 18, more="{learner")
    first = ContainerArgs(archive=scale, image=OWN, environment={"A": "1"}, container_hostname="scale")
    graph = risk(ModelArgs(containers=(first, ContainerArgs(archive=archive))))
    inputs = graph.one(MODEL, "risk-model").inputs
    assert "primaryContainer" not in inputs
    assert [container["image"].rpartition("/")[2] for container in inputs["containers"]] == [
        "own:1",
        "sagemaker-xgboost:3.0-5",
    ]
    assert inputs["containers"][0]["containerHostname"] == "scale"
    assert len({container["modelDataUrl"] for container in inputs["containers"]}) == 2


@pytest.mark.parametrize("preview", [True, False])
def test_a_name_that_no_model_has_is_refused_before_anything_is_created(preview: bool) -> None:
    args = TransformJobArgs(input=CSV, model_name="gone")
    graph = run(lambda jobs: jobs.add("own", args), missing_models=["gone"], preview=preview)
    assert isinstance(graph.error, pulumi.RunError)
    assert "own: model_name: SageMaker has no model 'gone' in us-east-1" in str(graph.error)
    assert {found.type for found in graph.resources.values()} == {"pulumi:pulumi:Stack"}


def test_columns_are_compared_with_the_jobs_own_model(tmp_path: Path) -> None:
    graph = risk(ModelArgs(archive=packed(tmp_path / "m.tar.gz", 5)))
    assert "risk: model/batch_input.csv has 18 columns, and the model expects 5" in str(graph.error)


def test_model_and_name_exclude_one_another(archive: str) -> None:
    graph = risk(ModelArgs(archive=archive), model_name="other")
    assert "risk: model_name: given together with model" in str(graph.error)
