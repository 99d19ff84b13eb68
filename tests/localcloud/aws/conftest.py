"""One running endpoint for all tests here."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.localcloud.aws.endpoint import Endpoint, served


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    with served(tmp_path_factory.mktemp("aws-home")) as endpoint:
        yield endpoint
