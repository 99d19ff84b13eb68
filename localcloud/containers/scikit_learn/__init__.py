"""A stand-in for SageMaker's scikit-learn images in script mode: a user's `inference.py`, in the image's own versions.

`versions` says what is in which image, `environment` makes that environment once for all checkouts, and `server` is the
program that runs in it, with its Python.
"""
