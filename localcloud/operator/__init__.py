"""The operator of the local cloud: reconciles TransformJob resources as the ACK SageMaker controller does."""
