"""Layer 1: what a stack of the workshop stands on, one component a file."""
