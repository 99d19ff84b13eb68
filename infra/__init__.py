"""Layer 1: the infrastructure of a stack, one component in each file."""
