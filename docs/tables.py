"""The tables of README and docs that are made from code: `python -m docs.tables` writes them again, in place.

A table is between `<!-- table: NAME -->` and `<!-- end of table -->`. A test says when one is stale.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import yaml

from localcloud.containers.scikit_learn.versions import VERSIONS
from policy.rules import ALL

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md")))
_TABLE = re.compile(r"(<!-- table: (?P<name>[\w-]+) -->\n).*?(<!-- end of table -->)", re.DOTALL)


def config() -> str:
    """Return the table of settings, from the schema in Pulumi.yaml."""
    declared = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["config"]
    rows = [(f"`{key}`", entry["type"], _default(entry), entry["description"]) for key, entry in declared.items()]
    return _markdown(("key", "type", "default", "meaning"), rows)


def controls() -> str:
    """Return the table of the policy pack's rules."""
    rows = [(f"`{rule.name}`", rule.text, ", ".join(rule.controls)) for rule in ALL]
    return _markdown(("rule", "what must hold", "controls"), rows)


def scikit_learn_images() -> str:
    """Return the table of packages in SageMaker's scikit-learn images."""
    rows = [
        (f"`{one.tag}`", one.python, *(package.partition("==")[2] for package in one.packages[:4])) for one in VERSIONS
    ]
    return _markdown(("image", "Python", "scikit-learn", "numpy", "scipy", "pandas"), rows)


TABLES: dict[str, Callable[[], str]] = {
    "config": config,
    "scikit-learn-images": scikit_learn_images,
    "controls": controls,
}


def renewed(text: str) -> str:
    """Return a document with every table as the code has it now."""
    return _TABLE.sub(lambda match: f"{match[1]}{TABLES[match['name']]()}\n{match[3]}", text)


def main() -> int:
    """Write every table again."""
    for document in DOCUMENTS:
        document.write_text(renewed(document.read_text()))
    return 0


def _default(entry: dict[str, object]) -> str:
    value = entry.get("default")
    return "none" if value is None else "empty" if value in ("", []) else f"`{value}`"


def _markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


if __name__ == "__main__":
    sys.exit(main())
