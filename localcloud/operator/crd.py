"""The names of the TransformJob definition, which the chart installs from `chart/crds/transformjobs.yaml`."""

from __future__ import annotations

GROUP = "sagemaker.services.k8s.aws"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"
KIND = "TransformJob"
SINGULAR = "transformjob"
PLURAL = "transformjobs"
CRD_NAME = f"{PLURAL}.{GROUP}"
