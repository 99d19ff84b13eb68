"""SageMaker's DataProcessing: the filters of a transform job, for the program, the local endpoint and its jobs.

It reads filters, checks them, and says which columns of a CSV row they select. The data plane applies them to records.
"""
