"""Layer 2: batch transform jobs as code. A job is declared in a file of its own and named in `declared.py`."""
