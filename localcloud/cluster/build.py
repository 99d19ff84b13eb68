"""`python -m localcloud.cluster.build`: builds the programs of the control plane once, showing what it does."""

from __future__ import annotations

import sys

from localcloud.cluster import binaries
from localcloud.cluster.errors import ClusterError


def main() -> int:
    try:
        found = binaries.ensure(lambda line: print(line, flush=True))
    except ClusterError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; run it again to go on", file=sys.stderr)
        return 130
    print(f"Kubernetes binaries: {found.kubectl.parent}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
