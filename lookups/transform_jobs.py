"""How the program, the tools and kubectl find the object of a job, and the statuses in which a job ends."""

NAME_LABEL = "batch-inference/job"
"""The label of a TransformJob object that carries the declared name."""

ENDS = ("Completed", "Failed", "Stopped")
"""Values of TransformJobStatus that SageMaker does not change any more."""
