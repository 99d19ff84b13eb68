"""`make bench`: runs every benchmark, and prints its figures beside its peer's. No benchmark fails because it is slow.

`python -m bench NAME ...` runs some of them.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
from collections.abc import Sequence

import bench


def main(names: Sequence[str]) -> int:
    """Run the named benchmarks, or all.

    Returns:
        2 if a name is not that of a benchmark, else 0.
    """
    known = sorted(module.name for module in pkgutil.iter_modules(bench.__path__) if not module.name.startswith("_"))
    if unknown := [name for name in names if name not in known]:
        print(f"no benchmark {', '.join(unknown)}; there are {', '.join(known)}", file=sys.stderr)
        return 2
    for name in names or known:
        print(f"==> {name}", flush=True)
        importlib.import_module(f"bench.{name}").main()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
