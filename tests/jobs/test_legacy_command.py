"""The converter of the retired operator's files as a command: what it prints, and what it warns of."""

from pathlib import Path

import pytest
import yaml

from jobs import legacy
from tests.jobs.legacy_files import FULL, SMALL


def test_the_command_prints_a_manifest_that_kubectl_accepts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "f.yaml").write_text(SMALL)
    assert legacy.main([str(tmp_path / "f.yaml"), "--yaml", "--prefix", "mine"]) == 0
    made = yaml.safe_load(capsys.readouterr().out)
    assert made["spec"]["transformJobName"].startswith("mine-tf-batch-")
    assert made["spec"]["transformOutput"]["assembleWith"] == "None"


def test_the_printed_manifest_says_that_another_run_needs_another_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "f.yaml").write_text(SMALL)
    legacy.main([str(tmp_path / "f.yaml"), "--yaml"])
    assert capsys.readouterr().out.splitlines()[:3] == [
        "# This runs once: SageMaker keeps a job's name for ever, and the name does not tell when the input changes.",
        "# To run it again, give metadata.name and spec.transformJobName another name each.",
        "apiVersion: sagemaker.services.k8s.aws/v1alpha1",
    ]


def test_the_command_warns_of_a_name_that_the_operator_may_not_use(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "f.yaml").write_text(FULL.replace(", namespace: science", ""))
    assert legacy.main([str(tmp_path / "f.yaml"), "--yaml"]) == 0
    assert "allows jobs named batch-workshop-* only, not my-own-name" in capsys.readouterr().err
    assert legacy.main([str(tmp_path / "f.yaml"), "--yaml", "--prefix", "my"]) == 0
    assert capsys.readouterr().err == ""


def test_the_command_warns_of_a_namespace_that_the_operator_does_not_watch(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "f.yaml"
    file.write_text(FULL)
    assert legacy.main([str(file), "--yaml", "--prefix", "my"]) == 0
    said = capsys.readouterr()
    assert yaml.safe_load(said.out)["metadata"]["namespace"] == "science"
    assert said.err == (
        f"warning: {file}: the stack's operator watches the namespace default only, and an object in science never "
        "gets a status; remove metadata.namespace\n"
    )


def test_python_has_its_warnings_in_its_comments(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "f.yaml").write_text(FULL)
    assert legacy.main([str(tmp_path / "f.yaml")]) == 0
    assert capsys.readouterr().err == ""


def test_the_command_refuses_to_make_a_name_that_sagemaker_refuses(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "f.yaml").write_text(SMALL.replace("tf-batch", "tf.batch"))
    assert legacy.main([str(tmp_path / "f.yaml"), "--yaml"]) == 1
    said = capsys.readouterr()
    assert (said.out, said.err.partition(":")[0]) == ("", "error")


def test_the_command_says_in_one_line_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert legacy.main([str(tmp_path / "gone.yaml")]) == 1
    assert capsys.readouterr().err == f"error: {tmp_path / 'gone.yaml'} cannot be read: No such file or directory\n"
