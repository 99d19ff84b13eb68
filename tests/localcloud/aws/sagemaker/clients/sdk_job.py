"""Runs one transform job with the SageMaker SDK's Transformer, and prints the job's name and status.

It runs in an environment of its own, because versions 2 and 3 of the SDK have the same distribution name and cannot be
installed together. Environment variables name the endpoint and the keys.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import time
from types import ModuleType

TRANSFORMERS = {
    "2": ("sagemaker.transformer", "sagemaker.session"),
    "3": ("sagemaker.core.transformer", "sagemaker.core.helper.session_helper"),
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("version", choices=sorted(TRANSFORMERS), help="of the SDK")
    parser.add_argument("bucket", help="where the input is, under in/, and the output goes, under out/")
    parser.add_argument("model", help="name of the model")
    options = parser.parse_args()
    transformers, sessions = map(importlib.import_module, TRANSFORMERS[options.version])
    name = f"sdk-{options.version}-{time.time_ns()}"
    transformer = transformers.Transformer(
        model_name=options.model,
        instance_count=1,
        instance_type="ml.m5.large",
        strategy="MultiRecord",
        assemble_with="Line",
        accept="text/csv",
        output_path=f"s3://{options.bucket}/out/{name}",
        max_payload=1,
        tags=[{"Key": "client", "Value": f"sdk-{options.version}"}],
        sagemaker_session=_session(sessions, options.bucket),
    )
    transformer.transform(
        f"s3://{options.bucket}/in/",
        content_type="text/csv",
        split_type="Line",
        job_name=name,
        input_filter="$[1:]",
        join_source="Input",
        output_filter="$[0,-1]",
        wait=True,
        logs=True,
    )
    print(json.dumps({"job": name}))
    return 0


def _session(sessions: ModuleType, bucket: str) -> object:
    return sessions.Session(default_bucket=bucket)


if __name__ == "__main__":
    sys.exit(main())
