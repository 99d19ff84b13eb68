"""What a job reads, and its digest."""

import hashlib
import json
import sys
from pathlib import Path

import pytest

from jobs import inputs
from jobs.inputs import InputError, LocalInput, ResultOf, S3Input
from lookups import s3
from lookups.s3 import S3Object


def listing(*objects: S3Object) -> inputs.ListObjects:
    return lambda uri: [item for item in objects if item.key.startswith(s3.Location.parse(uri).key)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in" / "deep").mkdir(parents=True)
    (tmp_path / "in" / "a.csv").write_text("1\n")
    (tmp_path / "in" / "deep" / "b.csv").write_text("2\n")
    return tmp_path / "in"


def test_a_file_is_uploaded_under_its_digest(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("1,2\n")
    found = inputs.resolve("x.csv", "S3Prefix", tmp_path)
    assert isinstance(found, LocalInput)
    assert found.key == f"input/{found.digest[:16]}/x.csv"


def test_one_changed_row_changes_the_digest(tmp_path: Path) -> None:
    file = tmp_path / "x.csv"
    file.write_text("1\n2\n")
    before = inputs.local(file)
    file.write_text("1\n3\n")
    assert inputs.local(file).digest != before.digest
    assert before.changed()


def test_an_untouched_file_has_not_changed(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("1\n")
    assert not inputs.local(tmp_path / "x.csv").changed()


def test_a_file_that_is_gone_has_changed(tmp_path: Path) -> None:
    file = tmp_path / "x.csv"
    file.write_text("1\n")
    found = inputs.local(file)
    file.unlink()
    assert found.changed()


def test_a_folder_is_a_prefix_with_every_file_but_hidden_ones(folder: Path) -> None:
    (folder / ".DS_Store").write_text("x")
    found = inputs.local(folder)
    assert [name for name, _ in found.files] == ["a.csv", "deep/b.csv"]
    assert found.key == f"input/{found.digest[:16]}/"


def test_a_renamed_file_changes_the_digest_of_its_folder(folder: Path) -> None:
    before = inputs.local(folder).digest
    (folder / "a.csv").rename(folder / "c.csv")
    assert inputs.local(folder).digest != before


def test_a_renamed_file_changes_the_digest_of_a_folder_that_holds_it_alone(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("1\n")
    before = inputs.local(tmp_path).digest
    (tmp_path / "a.csv").rename(tmp_path / "b.csv")
    assert inputs.local(tmp_path).digest != before


def test_a_folder_of_one_file_shares_no_prefix_with_that_file(tmp_path: Path) -> None:
    """Both uploads under one prefix would be read by the folder's job: each row twice."""
    (tmp_path / "a.csv").write_text("1\n")
    assert inputs.local(tmp_path).prefix != inputs.local(tmp_path / "a.csv").prefix


def test_a_file_has_the_digest_of_its_content_whatever_its_name(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("1\n")
    assert inputs.local(tmp_path / "a.csv").digest == hashlib.sha256(b"1\n").hexdigest()


@pytest.mark.parametrize(
    ("path", "message"),
    [
        pytest.param("nowhere.csv", "there is no file or folder nowhere.csv in ", id="a missing file"),
        pytest.param("nowhere/deep/in.csv", "there is no folder nowhere in ", id="a missing folder"),
        pytest.param("~/in.csv", "~ is not expanded", id="a home folder"),
        pytest.param("empty.csv", "is empty", id="an empty file"),
        pytest.param("empty", "is empty", id="an empty folder"),
        pytest.param("", "names no file", id="no path"),
        pytest.param("1,2\n" * 100, "cannot be read: File name too long", id="records for a path"),
        pytest.param("a\0b", "there is no file or folder", id="a path with a null"),
    ],
)
def test_a_local_input_is_refused(tmp_path: Path, path: str, message: str) -> None:
    (tmp_path / "empty.csv").touch()
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=message):
        inputs.resolve(path, "S3Prefix", tmp_path)


@pytest.mark.skipif(sys.platform == "darwin", reason="no such name can be given on macOS")
def test_a_file_named_in_another_encoding_is_refused(folder: Path) -> None:
    (folder / "\udcff.csv").write_text("1\n")
    with pytest.raises(InputError, match=r"not UTF-8, as S3 keys are: '\\udcff\.csv'; rename it"):
        inputs.local(folder)


def test_an_object_has_one_result() -> None:
    found = inputs.resolve("s3://b/in/x.csv", "S3Prefix", Path(), listing(S3Object("in/x.csv", "e", 3)))
    assert isinstance(found, S3Input)
    assert found.result_name == "x.csv.out"


def test_a_prefix_has_a_prefix_of_results() -> None:
    objects = (S3Object("in/x.csv", "e", 3), S3Object("in/x.csv.bak", "e", 3))
    found = inputs.resolve("s3://b/in/x.csv", "S3Prefix", Path(), listing(*objects))
    assert isinstance(found, S3Input)
    assert found.result_name == ""


@pytest.mark.parametrize(
    "after",
    [
        pytest.param(S3Object("in/x.csv", "other", 3), id="another content"),
        pytest.param(S3Object("in/x.csv", "e", 4), id="another size"),
        pytest.param(S3Object("in/y.csv", "e", 3), id="another key"),
    ],
)
def test_the_digest_of_a_listing_changes_with(after: S3Object) -> None:
    before = S3Object("in/x.csv", "e", 3)
    digests = {s3.listing_digest([before]), s3.listing_digest([after])}
    assert len(digests) == 2


def test_an_empty_prefix_is_refused() -> None:
    with pytest.raises(InputError, match="there is nothing under s3://b/in/"):
        inputs.resolve("s3://b/in/", "S3Prefix", Path(), listing())


def test_a_refusal_of_s3_is_reported_in_one_line() -> None:
    def refuse(uri: str) -> list[S3Object]:
        raise s3.S3Error(f"{uri} cannot be listed: AccessDenied")

    with pytest.raises(InputError, match="AccessDenied"):
        inputs.resolve("s3://b/in/", "S3Prefix", Path(), refuse)


def test_a_result_as_input_stays_as_it_is() -> None:
    assert inputs.resolve(ResultOf("first"), "S3Prefix", Path()) == ResultOf("first")


class Manifests:
    objects = (S3Object("m.json", "e", 9), S3Object("d/a", "e", 1), S3Object("d/b", "e", 1), S3Object("d/c", "e", 1))

    @staticmethod
    def resolve(monkeypatch: pytest.MonkeyPatch, content: str, *objects: S3Object) -> inputs.Input:
        monkeypatch.setattr(s3, "read", lambda _, largest: content.encode("latin-1")[:largest])
        return inputs.resolve("s3://b/m.json", "ManifestFile", Path(), listing(*(objects or Manifests.objects)))


MANIFEST = json.dumps([{"prefix": "s3://b/d/"}, "a", "b"])


def test_a_manifest_counts_only_the_objects_that_it_names(monkeypatch: pytest.MonkeyPatch) -> None:
    first, a, b, c = Manifests.objects
    before = Manifests.resolve(monkeypatch, MANIFEST)
    unnamed = Manifests.resolve(monkeypatch, MANIFEST, first, a, b, S3Object(c.key, "changed", 1))
    named = Manifests.resolve(monkeypatch, MANIFEST, first, S3Object(a.key, "changed", 1), b, c)
    assert before == unnamed
    assert before != named


def test_a_manifest_that_names_a_missing_object_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="names d/z, which does not exist"):
        Manifests.resolve(monkeypatch, json.dumps([{"prefix": "s3://b/d/"}, "z"]))


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("", id="nothing"),
        pytest.param("1,2", id="CSV"),
        pytest.param("\xff\xfe", id="bytes that are no text"),
        pytest.param("[" * 100_000, id="lists without end"),
        pytest.param("[]", id="an empty list"),
        pytest.param("{}", id="a mapping"),
        pytest.param("[{}]", id="no prefix"),
        pytest.param('[["prefix"], "a"]', id="a list for the prefix"),
        pytest.param('[{"prefix": 5}, "a"]', id="a number for the prefix"),
        pytest.param('[{"prefix": "b/d/"}, "a"]', id="a prefix without scheme"),
        pytest.param('[{"prefix": "s3://"}, "a"]', id="a prefix without bucket"),
        pytest.param('[{"prefix": "s3://b/d/"}]', id="no names"),
        pytest.param('[{"prefix": "s3://b/d/"}, 5]', id="a number for a name"),
        pytest.param('[{"prefix": "s3://b/d/"}, ["a"]]', id="a list for a name"),
    ],
)
def test_an_object_that_is_not_a_manifest_is_refused(monkeypatch: pytest.MonkeyPatch, content: str) -> None:
    with pytest.raises(InputError, match="is not a manifest"):
        Manifests.resolve(monkeypatch, content)


def test_a_manifest_of_any_size_is_not_read_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    def too_large(uri: str, largest: int) -> bytes:
        raise s3.TooLargeError(f"{uri} has more than {largest}")

    monkeypatch.setattr(s3, "read", too_large)
    with pytest.raises(InputError, match="has more than 67108864"):
        inputs.resolve("s3://b/m.json", "ManifestFile", Path(), listing(*Manifests.objects))
