"""The objects under an S3 URI, and errors of one line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from lookups import s3

Call = Callable[[str], object]


@pytest.fixture(autouse=True)
def bucket(connect: Callable[..., Any]) -> Any:
    """A bucket `data` with an object `in/a.csv`."""
    client = connect("s3")
    client.create_bucket(Bucket="data")
    client.put_object(Bucket="data", Key="in/a.csv", Body=b"1,2\n")
    return client


@pytest.mark.parametrize(
    ("uri", "bucket_name", "key"),
    [
        pytest.param("s3://data/in/a.csv", "data", "in/a.csv", id="an object"),
        pytest.param("s3://data/", "data", "", id="a whole bucket"),
        pytest.param("s3://data", "data", "", id="a whole bucket without a slash"),
        pytest.param("s3://data/a b/#?", "data", "a b/#?", id="characters that URLs treat otherwise"),
    ],
)
def test_a_uri_is_taken_apart(uri: str, bucket_name: str, key: str) -> None:
    assert s3.Location.parse(uri) == s3.Location(bucket_name, key)


@pytest.mark.parametrize("uri", ["", "b/in", "s3:/b/in", "https://b/in", "s3://", "s3:///in"])
def test_a_text_that_is_not_a_uri_is_refused(uri: str) -> None:
    with pytest.raises(s3.S3Error, match="must look like s3://bucket/prefix"):
        s3.Location.parse(uri)


def test_a_prefix_lists_every_key_that_starts_with_it(bucket: Any) -> None:
    bucket.put_object(Bucket="data", Key="in/a.csv.old", Body=b"")
    bucket.put_object(Bucket="data", Key="other", Body=b"")
    assert [found.key for found in s3.list_objects("s3://data/in/a")] == ["in/a.csv", "in/a.csv.old"]


def test_the_digest_of_a_listing_changes_with_an_objects_content(bucket: Any) -> None:
    before = s3.listing_digest(s3.list_objects("s3://data/in/"))
    assert s3.listing_digest(s3.list_objects("s3://data/in/")) == before
    bucket.put_object(Bucket="data", Key="in/a.csv", Body=b"1,3\n")
    assert s3.listing_digest(s3.list_objects("s3://data/in/")) != before


@pytest.mark.parametrize(
    ("uri", "there"),
    [
        pytest.param("s3://data/in/a.csv", True, id="an object"),
        pytest.param("s3://data/in/a", False, id="the beginning of a key"),
        pytest.param("s3://data/in/", True, id="a folder with something in it"),
        pytest.param("s3://data/out/", False, id="an empty folder"),
    ],
)
def test_existence(uri: str, there: bool) -> None:
    assert s3.exists(uri) is there


def test_an_object_that_is_too_large_is_not_read_at_all() -> None:
    assert s3.read("s3://data/in/a.csv") == b"1,2\n"
    assert s3.read("s3://data/in/a.csv", largest=4) == b"1,2\n"
    with pytest.raises(s3.TooLargeError, match="4 bytes, more than 3"):
        s3.read("s3://data/in/a.csv", largest=3)


def test_a_missing_object_is_distinguished_from_a_missing_bucket() -> None:
    with pytest.raises(s3.MissingError, match="s3://data/nothing cannot be read"):
        s3.read("s3://data/nothing")
    with pytest.raises(s3.S3Error, match="NoSuchBucket") as error:
        s3.read("s3://nobody/nothing")
    assert not isinstance(error.value, s3.MissingError)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        pytest.param(s3.list_objects, "cannot be listed", id="listed"),
        pytest.param(s3.exists, "cannot be looked up", id="looked up"),
    ],
)
def test_an_error_names_the_uri(call: Call, words: str) -> None:
    with pytest.raises(s3.S3Error, match=f"^s3://nobody/in {words}: "):
        call("s3://nobody/in")


@pytest.mark.parametrize(
    ("size", "head"), [pytest.param(2, b"1,", id="a part"), pytest.param(99, b"1,2\n", id="more than there is")]
)
def test_the_beginning_of_an_object_is_read(size: int, head: bytes) -> None:
    assert s3.read_head("s3://data/in/a.csv", size) == head


def test_the_beginning_of_an_empty_object_is_an_error() -> None:
    with pytest.raises(s3.S3Error, match="s3://data/gone cannot be read"):
        s3.read_head("s3://data/gone", 9)
