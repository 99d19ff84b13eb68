"""Entry point of the XGBoost container: load the model, then serve until ended."""

from __future__ import annotations

import os
import sys

from localcloud.containers.xgboost import log
from localcloud.containers.xgboost.app import App, Settings
from localcloud.containers.xgboost.model import ModelError, load
from localcloud.containers.xgboost.workers import Server


def main() -> None:
    """Serve the model of `SM_MODEL_DIR`; exits with status 1 if it cannot be loaded."""
    # To ask whether its data are a Series, xgboost imports pandas at the first prediction: half a second in each worker.
    sys.modules["pandas"] = None  # pyright: ignore[reportArgumentType]  the documented way to forbid an import
    settings = Settings.read(os.environ)
    try:
        model = load(settings.model_dir, ensemble=settings.ensemble)
    except ModelError as error:
        log.error(f"Unable to load model: {error}")
        sys.exit(1)
    server = Server(
        App(settings, model),
        port=settings.port,
        workers=min(settings.cpus, os.cpu_count() or 1),
        body_limit=settings.max_content_length,
    )
    log.info(f"Model objective : {model.objective}")
    server.run()


if __name__ == "__main__":
    main()
