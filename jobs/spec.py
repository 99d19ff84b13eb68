"""The operator's TransformJob: its spec from typed arguments, in ACK's spelling, and the condition that Pulumi waits for.

Values that SageMaker would fill in are written out, so that the object does not change after its creation.
"""

import re
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from jobs.arguments import ExperimentConfig, ModelClientConfig, TransformJobArgs
from lookups import ENDS

API_VERSION = "sagemaker.services.k8s.aws/v1alpha1"
KIND = "TransformJob"

WAIT_FOR = "pulumi.com/waitFor"
DOES_NOT_HEAL = "ValidationException|AccessDenied|ResourceLimitExceeded.*(is|utilization of) 0 Instances"
"""Parts of messages with which a job cannot start, however long one waits.

AccessDenied is among them. A change in IAM is effective within seconds, which pass before a job starts (`infra.identity`); a
missing statement stays missing, and waiting for it would take the whole timeout.

ResourceLimitExceeded is among them only if waiting does not help: the quota is 0, or no instance is in use and the job asks
for more than the whole quota. Otherwise the operator tries again by itself and starts the job when others have ended; a wait
that ended earlier would leave that job running, and billed, unnoticed. SageMaker's message is:
`The account-level service limit 'ml.m5.large for transform job usage' is 2 Instances, with current utilization of
2 Instances and a request delta of 1 Instances.`
"""


def build(
    args: TransformJobArgs, *, model_name: str, input_uri: str, output_base: str, instance_type: str
) -> dict[str, Any]:
    """Return the members that affect the result: all except name and tags, with the output base as output path."""
    source = {"s3DataType": args.s3_data_type, "s3URI": input_uri}
    members: dict[str, Any] = {
        "modelName": model_name,
        "batchStrategy": args.batch_strategy,
        "maxPayloadInMB": args.max_payload_in_mb,
        "maxConcurrentTransforms": args.max_concurrent_transforms,
        "environment": dict(args.environment),
        "modelClientConfig": args.model_client_config and _in_camel_case(args.model_client_config),
        "transformInput": {
            "dataSource": {"s3DataSource": source},
            "contentType": args.content_type,
            "compressionType": args.compression_type,
            "splitType": args.split_type,
        },
        "transformOutput": {
            "s3OutputPath": output_base,
            "accept": args.accept,
            "assembleWith": args.assemble_with,
            "kmsKeyID": args.output_kms_key_id,
        },
        "transformResources": {
            "instanceType": instance_type,
            "instanceCount": args.instance_count,
            "volumeKMSKeyID": args.volume_kms_key_id,
            "transformAMIVersion": args.transform_ami_version,
        },
        "dataProcessing": {
            "inputFilter": args.input_filter,
            "joinSource": args.join_source,
            "outputFilter": args.output_filter,
        },
        "experimentConfig": args.experiment_config and _in_camel_case(args.experiment_config),
    }
    return _given(members)


def complete(spec: Mapping[str, Any], job_name: str, tags: Mapping[str, str]) -> dict[str, Any]:
    """Return the whole spec: named, tagged, and with an output folder of its own under the base."""
    output = dict(spec["transformOutput"])
    output["s3OutputPath"] = output_path(output["s3OutputPath"], job_name)
    listed = [{"key": key, "value": value} for key, value in sorted(tags.items())]
    return {**spec, "transformOutput": output, "transformJobName": job_name, "tags": listed}


def output_path(output_base: str, job_name: str) -> str:
    return f"{output_base.rstrip('/')}/{job_name}/"


def _in_camel_case(config: ModelClientConfig | ExperimentConfig) -> dict[str, Any]:
    return {re.sub("_(.)", lambda found: found[1].upper(), name): value for name, value in asdict(config).items()}


def _given(members: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out members without a value, also within other members, and those of which nothing is left."""
    given = {name: _given(value) if isinstance(value, dict) else value for name, value in members.items()}
    return {name: value for name, value in given.items() if value is not None and value != {}}


def wait_expression() -> str:
    """Return the value of the annotation `pulumi.com/waitFor`: a job has ended in any way, or cannot start.

    For the operator a failed job is Ready and Synced, so that conditions alone are not enough; a job that cannot start has
    no status at all and is tried again for ever. The expression is RFC 9535 JSONPath, as the Kubernetes provider reads it:
    `!=`, `<=` and `>=` must not occur, and `search` must not meet a missing field, hence `@.message &&`.
    """
    ended = " || ".join(f'@.transformJobStatus == "{status}"' for status in ENDS)
    hopeless = f'@.type == "ACK.Recoverable" && @.message && search(@.message, "{DOES_NOT_HEAL}")'
    never_started = f'@.conditions[?@.status == "True" && (@.type == "ACK.Terminal" || {hopeless})]'
    return f"jsonpath={{[?{ended} || {never_started}]}}"
