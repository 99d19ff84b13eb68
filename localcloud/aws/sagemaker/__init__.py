"""SageMaker for batch transform: models, transform jobs, tags.

`service` has the operations of the API. `workers.LocalTransforms` runs the jobs in a process of its own, `worker`.
"""
