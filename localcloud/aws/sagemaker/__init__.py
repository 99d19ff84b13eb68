"""SageMaker for batch transform: models, transform jobs, tags.

`service.SageMaker` answers the API. `workers.LocalTransforms` runs the jobs in a process of its own, `worker`.
"""
