"""Configuration files keep what people wrote in them."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as some

from localcloud.engine import yamledit

FILE = """\
# the local stack
encryptionsalt: v1:abc

config:
  # where
  aws:region: us-east-1  # fixed
  app:rerun:
    churn: 1

  # the last one
  app:last: x
"""


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        pytest.param(("config", "app:rerun"), {"churn": 2}, FILE.replace("churn: 1", "churn: 2"), id="changed"),
        pytest.param(("config", "app:new"), "y", FILE + "  app:new: y\n", id="added"),
        pytest.param(("config", "app:last"), None, FILE.replace("  app:last: x\n", ""), id="removed"),
        pytest.param(("config", "app:none"), None, FILE, id="nothing to remove"),
        pytest.param(("encryptionsalt",), "v1:new", FILE.replace("v1:abc", "v1:new"), id="outside of the config"),
    ],
)
def test_one_key_changes_and_all_else_stays(path: tuple[str, ...], value: object, expected: str) -> None:
    assert yamledit.change(FILE, path, value) == expected


def test_an_empty_file_gets_what_it_needs() -> None:
    assert yaml.safe_load(yamledit.change("", ("config", "a:b"), "c")) == {"config": {"a:b": "c"}}


plain = some.text("ab: #'\n-", max_size=6) | some.integers() | some.booleans()
trees = some.recursive(
    plain, lambda inner: some.lists(inner, max_size=2) | some.dictionaries(some.sampled_from("xyz"), inner, max_size=2)
)


@given(some.dictionaries(some.sampled_from("abc"), trees), some.sampled_from("abcd"), trees)
def test_the_document_means_what_was_asked_for(config: dict[str, object], key: str, value: object) -> None:
    text = yamledit.dump({"config": config, "other": 1}) if config else "other: 1\n"
    changed = yaml.safe_load(yamledit.change(text, ("config", key), value))
    assert changed == {"config": {**config, key: value}, "other": 1}
