"""The model that the container serves: one booster, or an ensemble of all boosters in its folder."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import xgboost

Predictions = npt.NDArray[np.float32]
Payload = npt.NDArray[np.float32] | xgboost.DMatrix

_VOTING: Final = frozenset({"multi:softmax", "binary:hinge"})
_PICKLE: Final = b"\x80"
# A model's last entry is the version of the library that wrote it. In JSON it is "version":[3,0,5]. In UBJSON it is the
# key and an array; each integer of the array is a type letter and big-endian bytes.
_JSON_VERSION: Final = re.compile(rb'"version"\s*:\s*\[\s*(\d+)\s*,\s*(\d+)\s*,\s*(\d+)\s*\]')
_UBJ_VERSION: Final = re.compile(rb"version\[#L.{7}\x03((?:i.|U.|I..|l....|L........){3})", re.DOTALL)
_UBJ_INTEGER: Final = re.compile(rb"[iU](.)|I(..)|l(....)|L(........)", re.DOTALL)


class ModelError(Exception):
    """The model cannot be loaded. The message says why."""


@dataclass(frozen=True)
class _Member:
    booster: xgboost.Booster
    features: int
    in_place: bool  # whether it can predict from a plain array


@dataclass(frozen=True)
class Model:
    members: Sequence[_Member]
    objective: str
    classes: int

    def predict(self, payload: Payload) -> Predictions:
        """Predict as the image does: one element or row for each record.

        Raises:
            xgboost.core.XGBoostError: the payload does not fit the model.
        """
        if len(self.members) == 1:
            return _predict(self.members[0], payload)
        each = [_predict(member, payload) for member in self.members]
        if self.objective in _VOTING:
            # The image's vote has a bug: it votes on the first record only, and then fails to write this one number for
            # all records. A vote that works here would fail on AWS.
            values, counts = np.unique([predictions[0] for predictions in each], return_counts=True)
            return values[counts.argmax()]
        return np.mean(each, axis=0)


def load(folder: Path, *, ensemble: bool) -> Model:
    """Load the models of a folder: all its files except hidden ones.

    Args:
        folder: the folder of the unpacked model archive.
        ensemble: whether all models are used, and not only the first.

    Raises:
        ModelError: there is no model, or one that this version of xgboost cannot load.
    """
    paths = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    if not paths:
        raise ModelError("the model archive holds no model at its top level; pack the file xgboost-model there")
    boosters = [_load_booster(path) for path in (paths if ensemble else paths[:1])]
    first = _config(boosters[0])
    return Model(
        members=[_member(booster) for booster in boosters],
        objective=first["objective"]["name"],
        classes=int(first["learner_model_param"].get("num_class") or 0),
    )


def _load_booster(path: Path) -> xgboost.Booster:
    raw = path.read_bytes()
    if raw.startswith(_PICKLE):
        raise ModelError(
            f"{path.name} is a pickle, which would run whatever its maker put into it; "
            "save the model with Booster.save_model instead"
        )
    saved_by = saved_version(raw)
    if saved_by and saved_by > _library_version():
        raise ModelError(
            f"{path.name} was saved by xgboost {_dotted(saved_by)}, newer than this image's "
            f"{xgboost.__version__}, which would make other predictions without a warning; train it with {xgboost.__version__}"
        )
    booster = xgboost.Booster()
    try:
        booster.load_model(path)
    except (xgboost.core.XGBoostError, ValueError) as error:
        raise ModelError(f"Model {path.name} cannot be loaded:\nXGB load model error={error}") from error
    booster.set_param({"nthread": 1})
    return booster


def saved_version(raw: bytes) -> tuple[int, ...] | None:
    """The version of xgboost that saved a model; None if the model's format does not have it."""
    if found := _JSON_VERSION.findall(raw):
        return tuple(int(number) for number in found[-1])
    if found := _UBJ_VERSION.findall(raw):
        parts = [b"".join(match.groups(b"")) for match in _UBJ_INTEGER.finditer(found[-1])]
        return tuple(int.from_bytes(part, "big") for part in parts)
    return None


def _library_version() -> tuple[int, ...]:
    return tuple(int(number) for number in xgboost.__version__.split(".")[:3])


def _dotted(version: Sequence[int]) -> str:
    return ".".join(str(number) for number in version)


def _config(booster: xgboost.Booster) -> dict[str, Any]:
    return json.loads(booster.save_config())["learner"]


def _member(booster: xgboost.Booster) -> _Member:
    # Others cannot (gblinear) or add up their trees in another order (dart), which shows in the last digit.
    in_place = _config(booster)["gradient_booster"]["name"] == "gbtree"
    return _Member(booster, booster.num_features(), in_place)


def _predict(member: _Member, payload: Payload) -> Predictions:
    if not isinstance(payload, xgboost.DMatrix):
        if member.in_place and payload.shape[1] == member.features:
            return member.booster.inplace_predict(payload, validate_features=False)
        # A DMatrix may have fewer columns than the model, and its errors are worded as in the image.
        payload = xgboost.DMatrix(payload, nthread=1)
    return member.booster.predict(payload, validate_features=False)
