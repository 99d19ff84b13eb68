"""The properties of a saved model, read without xgboost from files that xgboost itself writes."""

import io
import pickle

import numpy as np
import pytest
import xgboost

from infra import archive

BOOSTERS: dict[str, dict[str, object]] = {
    "trees": {"booster": "gbtree", "objective": "binary:logistic"},
    "dropout trees": {"booster": "dart", "objective": "reg:squarederror"},
    "a linear model": {"booster": "gblinear", "objective": "reg:squarederror"},
    "several classes": {"booster": "gbtree", "objective": "multi:softprob", "num_class": 3},
}


def trained(parameters: dict[str, object], features: int, rounds: int = 3) -> xgboost.Booster:
    draw = np.random.default_rng(0)
    rows, labels = draw.random((40, features)), draw.integers(0, int(str(parameters.get("num_class", 2))), 40)
    return xgboost.train({**parameters, "nthread": 1}, xgboost.DMatrix(rows, label=labels), rounds)


@pytest.mark.parametrize("raw_format", ["json", "ubj"])
@pytest.mark.parametrize("features", [1, 5, 300])
@pytest.mark.parametrize("parameters", [pytest.param(value, id=name) for name, value in BOOSTERS.items()])
def test_features_and_version_are_those_of_the_booster(
    parameters: dict[str, object], features: int, raw_format: str
) -> None:
    booster = trained(parameters, features)
    found = archive.read_model(io.BytesIO(bytes(booster.save_raw(raw_format))))
    assert (found.features, found.version) == (booster.num_features(), (3, 0, 5))


@pytest.mark.parametrize("raw_format", ["json", "ubj"])
def test_a_model_that_is_larger_than_what_is_kept_of_it_says_the_same(raw_format: str) -> None:
    raw = bytes(trained({**BOOSTERS["trees"], "max_depth": 9, "min_child_weight": 0}, 7, 1500).save_raw(raw_format))
    assert len(raw) > 1 << 20
    found = archive.read_model(io.BytesIO(raw))
    assert (found.features, found.version) == (7, (3, 0, 5))


@pytest.mark.parametrize("raw_format", ["json", "ubj"])
def test_names_of_features_that_look_like_parameters_confuse_nothing(raw_format: str) -> None:
    booster = trained(BOOSTERS["trees"], 2)
    booster.feature_names = ["learner_model_param", 'num_feature":"9"']
    booster.set_attr(version='"version":[9,9,9]', learner_model_param='{"num_feature":"9"}')
    found = archive.read_model(io.BytesIO(bytes(booster.save_raw(raw_format))))
    assert (found.features, found.version) == (2, (3, 0, 5))


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(pickle.dumps({"num_feature": "9"}), id="a pickle"),
        pytest.param(b'{"learner": {}}', id="JSON without parameters"),
        pytest.param(b'{"learner_model_param": {"num_feature": "x"}}', id="a count that is no number"),
        pytest.param(b'{"learner_model_param": {"num_feature": 5}}', id="a count of another type"),
        pytest.param(b'{"learner_model_param": [', id="JSON cut off"),
        pytest.param(b"learner_model_param{L\0\0", id="UBJSON cut off"),
        pytest.param(b"learner_model_param{i\x03ab", id="UBJSON cut off in a key"),
        pytest.param(b"learner_model_param{i\xff", id="UBJSON with a negative length"),
    ],
)
def test_another_file_says_nothing(content: bytes) -> None:
    found = archive.read_model(io.BytesIO(content))
    assert (found.features, found.version) == (None, None)
