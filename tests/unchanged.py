"""Run a check of the sources, unless they are as they were when it last passed: `python -m tests.unchanged basedpyright`.

What counts are the program files of the checkout, the settings, and the versions of Python and of all installed packages.
The digest of a check that passed is kept in `.local/`. `make lint` checks without looking there.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SKIPPED = {".git", ".local", "__pycache__"}


def main(checker: str, root: Path = ROOT) -> int:
    """Run a program of the environment in the checkout.

    Args:
        checker: the program's name; it gets no arguments.
        root: the checkout.

    Returns:
        Its exit code; 0 if it need not run.
    """
    passed, now = root / ".local" / f"{checker}.passed", digest(root)
    if passed.exists() and passed.read_text() == now:
        print(f"{checker}: it passed, and nothing has changed since then")
        return 0
    passed.unlink(missing_ok=True)
    code = subprocess.run([Path(sys.executable).with_name(checker)], cwd=root, check=False).returncode
    if code == 0 and digest(root) == now:  # not if a file was edited meanwhile
        passed.write_text(now)
    return code


def digest(root: Path) -> str:
    """The digest of all that a check reads."""
    found = hashlib.sha256(sys.version.encode())
    for one in sorted(f"{one.name} {one.version}" for one in metadata.distributions()):
        found.update(one.encode() + b"\0")
    for path in sorted(sources(root)):
        found.update(f"{path.relative_to(root)}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()


def sources(root: Path) -> Iterator[Path]:
    """The program files of a checkout, and its settings."""
    yield root / "pyproject.toml"
    for folder, below, names in os.walk(root):
        below[:] = [name for name in below if name not in SKIPPED]
        yield from (Path(folder, name) for name in names if name.endswith((".py", ".pyi")))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
