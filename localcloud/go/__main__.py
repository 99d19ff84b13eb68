"""`python -m localcloud.go PROGRAM...`: builds those of the named programs that are not built yet, and shows progress."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from localcloud.go import binaries
from localcloud.go.programs import CONTROL_PLANE, CONTROL_PLANE_AND_PROVIDER, PULUMI, BuildError

_PROGRAMS = {program.name: program for program in (CONTROL_PLANE, CONTROL_PLANE_AND_PROVIDER, PULUMI)}


def main(arguments: Sequence[str]) -> int:
    """Build programs from pinned Go modules."""
    parser = argparse.ArgumentParser(prog="python -m localcloud.go", description=main.__doc__)
    parser.add_argument("program", nargs="+", choices=sorted(_PROGRAMS))
    try:
        binaries.ensure(
            [_PROGRAMS[name] for name in parser.parse_args(arguments).program], lambda line: print(line, flush=True)
        )
    except BuildError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130  # set-up, which has started this, says what to do
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
