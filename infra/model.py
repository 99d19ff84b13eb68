"""A SageMaker model: its archives in the bucket, and the model under a name made from its content.

The name is made from everything that affects the model's answers, so that a changed archive replaces the model by another
one, and jobs, which name their model, run again.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pulumi
import pulumi_aws as aws

from infra import archive, model_args
from infra.identity import Identity, UsableRole
from infra.model_args import ContainerArgs, ModelArgs
from infra.storage import Storage

NETWORK_TAG = "network"
"""Marks a model that was declared with a network: the policy pack allows only models with this tag to have one."""


@dataclass(frozen=True)
class ModelPlace:
    """Where models are created.

    Attributes:
        execution_role: the role of the jobs that use the models.
        bucket_name: the bucket of the archives.
        bucket_ready: the resources that must exist before anything is uploaded.
        folder: the key prefix of the archives.
        salt: a part of the hash, so that a job's model never gets the name of the stack's model.
        retain: whether archives stay in the bucket when their model is deleted, since another model may use them.
        uploads: the archives that are uploaded already, by key.
        root: the folder from which the paths of archives start.
    """

    execution_role: UsableRole
    bucket_name: pulumi.Output[str]
    bucket_ready: Sequence[pulumi.Resource]
    folder: str = "model"
    salt: str = ""
    retain: bool = False
    uploads: dict[str, aws.s3.BucketObjectv2] = field(default_factory=dict[str, aws.s3.BucketObjectv2])
    root: Path = Path()

    @classmethod
    def of(cls, identity: Identity, storage: Storage) -> "ModelPlace":
        return cls(identity.execution, storage.bucket_name, storage.hardening)


class Model(pulumi.ComponentResource):
    """A SageMaker model, named by its content.

    Args:
        name: starts the names of its resources.
        args: its containers and settings, checked.
        place: where it is created.
        model_prefix: starts the model's name; a hash of eight digits follows.
        opts: the component's options.
    """

    model_name: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        args: ModelArgs,
        place: ModelPlace,
        model_prefix: str,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("workshop:index:Model", name, None, opts)
        self._name, self._place, self._prefix = name, place, model_prefix
        model = self._model(args)
        self.model_name = model.name
        self.register_outputs({"model_name": self.model_name})

    def _model(self, args: ModelArgs) -> aws.sagemaker.Model:
        digests = [archive.digest(self._path(part)) if part.archive else "" for part in args.parts]
        uploaded = [self._upload(args, number, digest) for number, digest in enumerate(digests)]
        images = [self._image(part) for part in args.parts]
        containers = [
            self._container(part, image, sent) for part, image, sent in zip(args.parts, images, uploaded, strict=True)
        ]
        role = self._place.execution_role
        # CreateModel reads the archive as the role: both must exist and be ready, not only have a name.
        ready = [*(sent for sent in uploaded if sent), *self._place.bucket_ready, *role.ready]
        return aws.sagemaker.Model(
            f"{self._name}-model",
            name=pulumi.Output.all(role.arn, *images).apply(
                lambda found: name_by_content(self._prefix, args, found[1:], digests, found[0], salt=self._place.salt)
            ),
            execution_role_arn=role.arn,
            enable_network_isolation=args.network_isolation,
            primary_container=None if args.containers else containers[0],
            containers=containers if args.containers else None,
            tags={"Name": f"{self._name}-model"} | ({} if args.network_isolation else {NETWORK_TAG: "declared"}),
            # The old model is deleted first. Otherwise, if a job fails, the run leaves it pending for deletion, in the way of
            # the same archive when that is declared again; and in another bucket the new model may have its name.
            opts=pulumi.ResourceOptions(parent=self, depends_on=ready, delete_before_replace=True),
        )

    def _path(self, part: ContainerArgs) -> Path:
        return self._place.root / (part.archive or "")

    def _upload(self, args: ModelArgs, number: int, digest: str) -> aws.s3.BucketObjectv2 | None:
        if not digest:
            return None
        key, uploads = f"{self._place.folder}/{digest[:16]}/model.tar.gz", self._place.uploads
        if key not in uploads:
            uploads[key] = aws.s3.BucketObjectv2(
                f"{self._name}-archive{f'-{number}' if args.containers else ''}",
                bucket=self._place.bucket_name,
                key=key,
                source=pulumi.FileAsset(str(self._path(args.parts[number]))),
                content_type="application/gzip",
                opts=pulumi.ResourceOptions(
                    parent=self, depends_on=list(self._place.bucket_ready), retain_on_delete=self._place.retain or None
                ),
            )
        return uploads[key]

    def _container(self, part: ContainerArgs, image: pulumi.Input[str], sent: aws.s3.BucketObjectv2 | None) -> Any:
        """Return the members that a single container and a container of a pipeline share; the SDK has a type for each."""
        url = pulumi.Output.format("s3://{0}/{1}", self._place.bucket_name, sent.key) if sent else None
        container = {
            "image": image,
            "mode": "SingleModel",
            "model_data_url": url,
            "environment": dict(part.environment),
            "container_hostname": part.container_hostname,
        }
        return {name: value for name, value in container.items() if value is not None}

    def _image(self, part: ContainerArgs) -> pulumi.Input[str]:
        image = part.image or model_args.XGBOOST
        if not model_args.is_sagemakers_own(image):
            return image
        repository, _, tag = image.partition(":")
        found = aws.sagemaker.get_prebuilt_ecr_image_output(
            repository_name=repository, image_tag=tag, opts=pulumi.InvokeOutputOptions(parent=self)
        )
        return found.registry_path


def name_by_content(
    prefix: str, args: ModelArgs, images: Sequence[str], digests: Sequence[str], role_arn: str, *, salt: str = ""
) -> str:
    """Return the model's name, which changes with any image, archive or environment, the role and the network.

    Args:
        prefix: starts the name.
        args: the model's containers and settings.
        images: the URI of each container's image.
        digests: the SHA-256 of each container's archive, empty if it has none.
        role_arn: the execution role.
        salt: distinguishes models that would have the same name.
    """
    containers: list[list[object]] = [
        [
            image,
            digest,
            sorted(part.environment.items()),
            *([part.container_hostname] if part.container_hostname else []),
        ]
        for part, image, digest in zip(args.parts, images, digests, strict=True)
    ]
    # Names of models of one container are older than pipelines, and must not change.
    content: list[object] = [containers, role_arn] if args.containers else [*containers[0], role_arn]
    content += [] if args.network_isolation else ["network"]
    content += [salt] if salt else []
    return f"{prefix}-{hashlib.sha256(json.dumps(content).encode()).hexdigest()[:8]}"
