"""SageMaker's DataProcessing: the filters of a transform job, as the program, the local endpoint and its jobs read them.

Validation only. What a filter selects of a record is the data plane's work.
"""
