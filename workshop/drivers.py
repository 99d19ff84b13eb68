"""Which columns drive the predictions of an XGBoost model, according to the model itself.

Each prediction is a sum of contributions of the columns (SHAP values, XGBoost's `pred_contribs`); the mean size of a
column's contributions says how much it affects predictions. Other models do not give this information.
"""

from __future__ import annotations

import io
import tarfile
from typing import Any

import numpy as np
import pandas as pd
import xgboost
from botocore.exceptions import BotoCoreError, ClientError

from lookups import s3
from workshop.records import kept_columns

MOST_ROWS = 5000
"""How many rows' contributions are computed: enough for a mean, in about a second."""
LARGEST_ARCHIVE = 500 * 2**20
"""The largest model archive that is fetched, in bytes."""


class DriversError(Exception):
    """The columns that drive the predictions are not known; the message says why."""


def booster_of(model_name: str, sagemaker: Any, client: Any) -> xgboost.Booster:
    """The XGBoost model that a job used, from its archive.

    Args:
        model_name: SageMaker's name of the model.
        sagemaker: a boto3 client.
        client: a boto3 client of S3.

    Raises:
        DriversError: the model is gone, or is not one that XGBoost saved.
    """
    try:
        container = sagemaker.describe_model(ModelName=model_name)["PrimaryContainer"]
        archive = s3.read(container["ModelDataUrl"], client, LARGEST_ARCHIVE)
    except (ClientError, BotoCoreError, KeyError, s3.S3Error) as error:
        raise DriversError(f"the archive of {model_name} is not available: {error}") from error
    return booster_in(archive)


def booster_in(archive: bytes) -> xgboost.Booster:
    """The XGBoost model in a model archive. A pickled model is not opened, because that would run code.

    Raises:
        DriversError: the archive contains no model that XGBoost saved with `Booster.save_model`.
    """
    try:
        with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
            files = [opened.extractfile(member) for member in opened.getmembers() if member.isfile()]
            bodies = [file.read() for file in files if file]
    except (tarfile.TarError, EOFError, OSError) as error:
        raise DriversError(f"the model archive cannot be read: {error}") from error
    for body in bodies:
        try:
            return xgboost.Booster({"nthread": 1}, model_file=bytearray(body))
        except (xgboost.core.XGBoostError, ValueError):
            continue
    raise DriversError("the model archive contains no model that XGBoost saved")


def sent(inputs: pd.DataFrame, input_filter: str) -> pd.DataFrame:
    """The columns that are sent to the model.

    Args:
        inputs: the columns that the job read.
        input_filter: its JSONPath, such as `$[1:]`.

    Raises:
        DriversError: they are not numbers, or the filter does not select by position.
    """
    kept = kept_columns(input_filter, inputs.shape[1])
    if not kept:
        raise DriversError(f"it is not known which columns the filter {input_filter} keeps")
    columns = inputs.iloc[:, kept]
    texts = [str(name) for name in columns if not pd.api.types.is_numeric_dtype(columns[name])]
    if texts:
        raise DriversError(f"the column {texts[0]} is text")
    return columns


def contributions(booster: xgboost.Booster, columns: pd.DataFrame) -> pd.DataFrame:
    """How much each column added to each prediction.

    Args:
        booster: the model.
        columns: what was sent to it, one row for each record.

    Returns:
        One row for each of the first records and one column for each input column; for several classes, the mean size
        over the classes.

    Raises:
        DriversError: the model has another number of columns.
    """
    if booster.num_features() != columns.shape[1]:
        raise DriversError(f"the model expects {booster.num_features()} columns, and the job sent {columns.shape[1]}")
    rows = columns.head(MOST_ROWS).to_numpy(np.float32)
    found = np.asarray(booster.predict(xgboost.DMatrix(rows, nthread=1), pred_contribs=True, validate_features=False))[
        ..., :-1
    ]  # the last one is the base value, which does not come from a column
    flat = np.abs(found).mean(axis=1) if found.ndim == 3 else found
    return pd.DataFrame(flat, columns=columns.columns)


def ranked(added: pd.DataFrame) -> pd.Series[float]:
    """The mean size of each column's contributions, the largest first."""
    return added.abs().mean().sort_values(ascending=False)
