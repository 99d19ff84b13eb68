"""Stands in for SageMaker's scikit-learn images in script mode: serves a user's `inference.py` with the image's packages.

`versions` lists the packages of each image, `environment` makes a Python environment of them once for all checkouts, and
`server` is the program that runs in that environment.
"""
