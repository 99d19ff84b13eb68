"""A job's model, asked directly: the columns that drive its predictions, and rows in real time.

Each prediction is a sum of contributions of the columns (SHAP values, XGBoost's `pred_contribs`); the mean size of a
column's contributions says how much it affects predictions. Models of other libraries do not give this information.

Rows are sent to the model one at a time: POST /invocations of a container, or a SageMaker endpoint.
"""

from __future__ import annotations

import http.client
import io
import tarfile
import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import boto3
import numpy as np
import pandas as pd
import xgboost
from botocore.exceptions import BotoCoreError, ClientError

from lookups import s3
from workshop.records import kept_columns
from workshop.stack import WorkshopError

MOST_ROWS = 5000
"""How many rows' contributions are computed: enough for a mean, in about a second."""
LARGEST_ARCHIVE = 500 * 2**20
"""The largest model archive that is fetched, in bytes."""

Ask = Callable[[str], str]
"""Sends text/csv records to a model and returns its answer."""


def booster_of(model_name: str, sagemaker: Any, client: Any) -> xgboost.Booster:
    """Return the XGBoost model that a job used, from its archive.

    Raises:
        WorkshopError: the model is gone, or is not one that XGBoost saved.
    """
    try:
        container = sagemaker.describe_model(ModelName=model_name)["PrimaryContainer"]
        archive = s3.read(container["ModelDataUrl"], client, LARGEST_ARCHIVE)
    except (ClientError, BotoCoreError, KeyError, s3.S3Error) as error:
        raise WorkshopError(f"the archive of {model_name} is not available: {error}") from error
    return booster_in(archive)


def booster_in(archive: bytes) -> xgboost.Booster:
    """Return the XGBoost model in a model archive. A pickled model is not opened, because that would run code.

    Raises:
        WorkshopError: the archive contains no model that XGBoost saved with `Booster.save_model`.
    """
    try:
        with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
            files = [opened.extractfile(member) for member in opened.getmembers() if member.isfile()]
            bodies = [file.read() for file in files if file]
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        raise WorkshopError(f"the model archive cannot be read: {error}") from error
    for body in bodies:
        try:
            return xgboost.Booster({"nthread": 1}, model_file=bytearray(body))
        except (xgboost.core.XGBoostError, ValueError):
            continue
    raise WorkshopError("the model archive contains no model that XGBoost saved")


def sent(inputs: pd.DataFrame, input_filter: str) -> pd.DataFrame:
    """Return the columns of the job's input that its filter, such as `$[1:]`, sends to the model.

    Raises:
        WorkshopError: they are not numbers, or the filter does not select by position.
    """
    kept = kept_columns(input_filter, inputs.shape[1])
    if not kept:
        raise WorkshopError(f"it is not known which columns the filter {input_filter} keeps")
    columns = inputs.iloc[:, kept]
    texts = [str(name) for name in columns if not pd.api.types.is_numeric_dtype(columns[name])]
    if texts:
        raise WorkshopError(f"the column {texts[0]} is text")
    return columns


def contributions(booster: xgboost.Booster, columns: pd.DataFrame) -> pd.DataFrame:
    """Compute how much each of the columns that were sent to a model added to each prediction.

    Returns:
        One row for each of the first records and one column for each input column; for several classes, the mean size
        over the classes.

    Raises:
        WorkshopError: the model has another number of columns.
    """
    if booster.num_features() != columns.shape[1]:
        raise WorkshopError(f"the model expects {booster.num_features()} columns, and the job sent {columns.shape[1]}")
    rows = columns.head(MOST_ROWS).to_numpy(np.float32)
    found = np.asarray(booster.predict(xgboost.DMatrix(rows, nthread=1), pred_contribs=True, validate_features=False))[
        ..., :-1
    ]  # the last one is the base value, which does not come from a column
    flat = np.abs(found).mean(axis=1) if found.ndim == 3 else found
    return pd.DataFrame(flat, columns=columns.columns)


def ranked(added: pd.DataFrame) -> pd.Series[float]:
    """Return the mean size of each column's contributions, the largest first."""
    return added.abs().mean().sort_values(ascending=False)


@dataclass(frozen=True)
class Asked:
    """The same records, sent in real time."""

    count: int
    equal: int  # how many answers are equal to the batch result, text for text
    one_by_one_seconds: float  # time of as many requests of one record each
    together_seconds: float  # time of one request of all records


def asked(records: Sequence[str], batch: Sequence[str], ask: Ask) -> Asked:
    """Send the lines of a job's input one by one, then all at once, and compare the answers with the lines of its result."""
    started = time.perf_counter()
    answers = [ask(row).strip() for row in records]
    alone = time.perf_counter() - started
    started = time.perf_counter()
    ask("\n".join(records))
    together = time.perf_counter() - started
    equal = sum(answer == line for answer, line in zip(answers, batch, strict=True))
    return Asked(len(records), equal, alone, together)


def over_http(url: str) -> Ask:
    """Ask a model container at its address, such as http://127.0.0.1:8080, over one connection."""
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.netloc:
        raise ValueError(f"{url!r} is not the address of a container; use http://host:port")
    connection = http.client.HTTPConnection(parts.netloc, timeout=60)

    def ask(row: str) -> str:
        connection.request("POST", "/invocations", row.encode(), {"Content-Type": "text/csv", "Accept": "text/csv"})
        answer = connection.getresponse()
        body = answer.read().decode()
        if answer.status != 200:
            raise RuntimeError(f"{url}/invocations answered {answer.status}: {body}")
        return body

    return ask


def over_endpoint(name: str) -> Ask:
    """Ask a SageMaker real-time endpoint of this name."""
    client = boto3.client("sagemaker-runtime")

    def ask(row: str) -> str:
        answer = client.invoke_endpoint(EndpointName=name, ContentType="text/csv", Accept="text/csv", Body=row)
        return answer["Body"].read().decode()

    return ask
