"""SageMaker for batch transform: models, transform jobs, tags.

`service.SageMaker` answers the API; `workers.LocalTransforms` runs the jobs in a process of its own.
`SageMaker.operations()` goes into the endpoint's gateway; `moto_installation.install` puts the same into plain moto.
"""
