"""Benchmarks: ratios to a peer measured in the same run. A module here has a `main()`."""
