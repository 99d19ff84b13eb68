"""Why a container could not be started."""

from __future__ import annotations


class ContainerError(Exception):
    """A container cannot be started. The message says what is wrong, where, and what to do."""


class UnknownImage(ContainerError):  # noqa: N818  reads as the case it is, like AWS's own error names
    """No local command is registered for the image."""


class BadModelArchive(ContainerError):  # noqa: N818  reads as the case it is
    """The model archive cannot be read, or contains something that must not be unpacked."""


class StartError(ContainerError):
    """The operating system or the fork server refused to start the process."""


class BadRegistration(ContainerError):  # noqa: N818  reads as the case it is
    """The file in which the user registers containers is not valid. The message names the line."""


class NoEnvironment(ContainerError):  # noqa: N818  reads as the case it is
    """The Python environment of an image cannot be made on this machine."""


class NeedsNetwork(ContainerError):  # noqa: N818  reads as the case it is
    """The archive has requirements, and the model's network isolation forbids to fetch packages."""
