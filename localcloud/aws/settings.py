"""What the endpoint is told once, when it starts."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

ACCOUNT_ID = "123456789012"
REGION = "us-east-1"


@dataclass(frozen=True)
class Settings:
    """The local account.

    Attributes:
        home: folder of the generated state; logs go below it.
        region: the one region the local account uses.
        account_id: the local account's number.
        enforce: whether policies are enforced; they are always evaluated and logged.
    """

    home: Path
    region: str = REGION
    account_id: str = ACCOUNT_ID
    enforce: bool = True

    @property
    def logs(self) -> Path:
        return self.home / "logs"


def from_environment(home: Path) -> Settings:
    """Settings as AWS_REGION and LOCALCLOUD_IAM (on or off) ask."""
    return Settings(
        home=home,
        region=os.environ.get("AWS_REGION") or REGION,
        enforce=os.environ.get("LOCALCLOUD_IAM", "on").lower() != "off",
    )
