"""Examples of your own containers, to copy."""
