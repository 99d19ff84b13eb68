"""Errors of a build. Each message says what is wrong, where, and what to do."""

from __future__ import annotations


class BuildError(Exception):
    """A program cannot be built. The message can be shown to a person as it is."""


class NoGoToolchainError(BuildError):
    """There is no Go toolchain that is new enough, and none could be installed."""


class RegistryError(BuildError):
    """A package registry refuses or does not answer."""


class DiskFullError(BuildError):
    """There is too little disk space for the build."""
