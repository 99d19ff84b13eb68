"""Lookups of the program and the tools, which never change anything: objects in S3, logs of jobs, quotas, AWS's prices.

The names by which the program, the tools and kubectl find a job are here, too.
"""

NAME_LABEL = "batch-inference/job"
"""The label of a TransformJob object that carries the declared name."""

CONTENT_ANNOTATION = "batch-inference/content"
"""The annotation of a TransformJob object with the hash of its content, without a request to run it again.

It shows whether such a request still counts.
"""

ENDS = ("Completed", "Failed", "Stopped")
"""Values of TransformJobStatus that SageMaker does not change any more."""


def error_code(error: Exception) -> str:
    """Return the code of AWS's error, such as `AccessDenied`; empty for an error of boto3 itself."""
    return getattr(error, "response", {}).get("Error", {}).get("Code", "")
