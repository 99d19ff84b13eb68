"""Each region of the local account has models and jobs of its own."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from localcloud.aws.sagemaker.store import Store


@dataclass(frozen=True)
class Region:
    """One region of the account."""

    name: str
    account_id: str
    store: Store = field(default_factory=Store)

    def arn(self, kind: str, name: str) -> str:
        partition = (
            "aws-cn" if self.name.startswith("cn-") else "aws-us-gov" if self.name.startswith("us-gov-") else "aws"
        )
        return f"arn:{partition}:sagemaker:{self.name}:{self.account_id}:{kind}/{name}"


class Regions:
    """All regions, made when first asked for."""

    def __init__(self, account_id: str) -> None:
        self.account_id = account_id
        self._lock = threading.Lock()
        self._regions: dict[str, Region] = {}

    def get(self, name: str) -> Region:
        with self._lock:
            return self._regions.setdefault(name, Region(name, self.account_id))

    def all(self) -> list[Region]:
        with self._lock:
            return list(self._regions.values())
