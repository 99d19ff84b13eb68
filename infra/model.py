"""The model: the built-in XGBoost image, or an own one, with a model archive from the bucket.

Its name is made from all that decides what it answers, so a changed archive makes another model in the old one's
place, and jobs, which name their model, run anew.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pulumi
import pulumi_aws as aws

from infra import archive
from infra.identity import Identified, Identity
from infra.settings import Settings
from infra.storage import Storage

XGBOOST_REPOSITORY = "sagemaker-xgboost"
XGBOOST_TAG = "3.0-5"


@dataclass(frozen=True)
class ModelArgs:
    archive: Path
    image: str
    """An ECR image URI; empty for the built-in XGBoost."""
    execution_role: Identified
    bucket_name: pulumi.Output[str]
    bucket_ready: Sequence[pulumi.Resource]
    environment: Mapping[str, str] = field(default_factory=dict[str, str])

    @classmethod
    def of(cls, settings: Settings, identity: Identity, storage: Storage) -> "ModelArgs":
        return cls(
            archive=settings.model_archive,
            image=settings.model_image,
            execution_role=identity.execution,
            bucket_name=storage.bucket_name,
            bucket_ready=storage.hardening,
        )


class Model(pulumi.ComponentResource):
    """A SageMaker model, named by its content."""

    model_name: pulumi.Output[str]

    def __init__(self, name: str, args: ModelArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("workshop:index:Model", name, None, opts)
        self._name = name
        digest = archive.digest(args.archive)
        uploaded = self._upload(args, digest)
        model = self._model(args, digest, uploaded)
        self.model_name = model.name
        self.register_outputs({"model_name": self.model_name})

    def _upload(self, args: ModelArgs, digest: str) -> aws.s3.BucketObjectv2:
        return aws.s3.BucketObjectv2(
            f"{self._name}-archive",
            bucket=args.bucket_name,
            key=f"model/{digest[:16]}/model.tar.gz",
            source=pulumi.FileAsset(str(args.archive)),
            content_type="application/gzip",
            opts=pulumi.ResourceOptions(parent=self, depends_on=list(args.bucket_ready)),
        )

    def _model(self, args: ModelArgs, digest: str, uploaded: aws.s3.BucketObjectv2) -> aws.sagemaker.Model:
        image = args.image or self._built_in_image()
        model_name = pulumi.Output.all(image, args.execution_role.arn).apply(
            lambda found: name_by_content(self._name, found[0], digest, args.environment, found[1])
        )
        # CreateModel reads the archive with the role: both must be ready, not only known.
        ready = [uploaded, *args.bucket_ready, *args.execution_role.ready]
        return aws.sagemaker.Model(
            f"{self._name}-model",
            name=model_name,
            execution_role_arn=args.execution_role.arn,
            enable_network_isolation=True,
            primary_container={
                "image": image,
                "mode": "SingleModel",
                "model_data_url": pulumi.Output.format("s3://{0}/{1}", args.bucket_name, uploaded.key),
                "environment": dict(args.environment),
            },
            tags={"Name": f"{self._name}-model"},
            # The old one goes first. A run whose job then fails would leave it pending, in the way of the same archive
            # when that comes back; and in another bucket the new one may have the very name of the old.
            opts=pulumi.ResourceOptions(parent=self, depends_on=ready, delete_before_replace=True),
        )

    def _built_in_image(self) -> pulumi.Output[str]:
        image = aws.sagemaker.get_prebuilt_ecr_image_output(
            repository_name=XGBOOST_REPOSITORY, image_tag=XGBOOST_TAG, opts=pulumi.InvokeOutputOptions(parent=self)
        )
        return image.registry_path


def name_by_content(prefix: str, image: str, digest: str, environment: Mapping[str, str], role_arn: str) -> str:
    """Return the model's name: a new one whenever its image, archive, environment or role is another."""
    content = json.dumps([image, digest, sorted(environment.items()), role_arn])
    return f"{prefix}-model-{hashlib.sha256(content.encode()).hexdigest()[:8]}"
