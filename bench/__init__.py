"""Benchmarks, as ratios to a peer that is measured in the same run. Each module here has a `main()`."""
