from __future__ import annotations

from pathlib import Path

import pytest
import xgboost

from localcloud.containers.xgboost.model import load
from localcloud.containers.xgboost.server import App, Settings
from tests.localcloud.containers.xgboost.support import Apps, model_folder, train


@pytest.fixture
def app_of(tmp_path: Path) -> Apps:
    """The container's application on these models, with these variables beside SAGEMAKER_BATCH."""

    def make(*boosters: xgboost.Booster, **environment: str) -> App:
        settings = Settings.read({"SAGEMAKER_BATCH": "true", "SM_NUM_CPUS": "2", **environment})
        return App(settings, load(model_folder(tmp_path / "model", *boosters), ensemble=settings.ensemble))

    return make


@pytest.fixture(scope="session")
def logistic() -> xgboost.Booster:
    return train("binary:logistic")
