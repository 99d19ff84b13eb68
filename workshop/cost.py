"""`make cost`: the cost of the stack on AWS while it exists, and of a job.

It reads the stack's settings and the dated price table, and does not ask AWS. The local stack costs nothing; the figures
say what the same settings would cost in an account.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from lookups import prices
from workshop.stack import PROJECT_FOLDER, parser, settings, tool


@tool
def main(arguments: Sequence[str]) -> int:
    """Print the cost of the stack per hour and per day, and of a job."""
    stack: str = parser("cost", main.__doc__).parse_args(arguments).stack
    print(report(settings(PROJECT_FOLDER, stack), stack))
    return 0


def report(values: dict[str, Any], stack: str) -> str:
    """Return the cost as text, one line for each item, and the command that ends it."""
    has_nodes = values.get("operatorInstall") != "capability"
    items = prices.standing(values["nodeInstanceType"] if has_nodes else None)
    hour = prices.total(items)
    one_job = prices.job(values["transformInstanceType"])
    lines = [f"{what:<40} {_dollars(price)} an hour" for what, price in items.items()]
    lines.append(f"{'while the stack exists':<40} {_dollars(hour)} an hour, {_dollars(hour and hour * 24, 2)} a day")
    what = f"one job on {values['transformInstanceType']}, {prices.JOB_MINUTES:g} minutes"
    lines.append(f"{what:<40} {_dollars(one_job)}")
    lines.append(f"Prices of {prices.REGION} as of {prices.AS_OF} ({prices.SOURCE}).")
    lines.append(f"`make destroy STACK={stack}` stops the cost.")
    return "\n".join(lines)


def _dollars(price: float | None, digits: int = 4) -> str:
    return "(no price known)" if price is None else f"${price:.{digits}f}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
