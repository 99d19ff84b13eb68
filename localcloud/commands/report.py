"""`make report` on the local stack: the notebook, and beside it the model in a container to ask one row at a time."""

from __future__ import annotations

import http.client
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from localcloud import containers
from localcloud.console import CommandError

START_SECONDS = 30.0


@contextmanager
def serving(image: str, archive: Path) -> Generator[str]:
    """Serve a model by the real-time contract.

    Args:
        image: URI of the model's image.
        archive: the model archive.

    Yields:
        The container's address, once it answers `/ping`.

    Raises:
        CommandError: it does not come up.
    """
    try:
        with containers.start(image, archive, {}, vcpus=1, log=lambda _: None) as container:
            _wait(container)
            yield container.url
    except containers.ContainerError as error:
        raise CommandError(f"the model's container does not start: {error}") from error


def _wait(container: containers.Container) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and container.poll() is None:
        if _answers(container.url):
            return
        time.sleep(0.05)
    raise CommandError("the model's container does not answer /ping")


def _answers(url: str) -> bool:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=2)
    try:
        connection.request("GET", "/ping")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()
