"""SageMaker's DataProcessing: the filters of a transform job, for the program, the local endpoint and its jobs.

Validation only. The data plane applies filters to records.
"""
