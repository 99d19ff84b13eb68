"""Records anew what the official engine does in the scenarios: `python record.py [scenario...]`, with `pulumi` on PATH."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from differential import RECORDED, run
from scenarios import SCENARIOS


def main() -> None:
    version = subprocess.run(["pulumi", "version"], capture_output=True, text=True, check=True).stdout.strip()
    version = version or os.environ["PULUMI_BUILT_FROM"]  # a build from source does not know its own
    RECORDED.mkdir(exist_ok=True)
    for name in sys.argv[1:] or SCENARIOS:
        with tempfile.TemporaryDirectory() as folder:
            phases = run(["pulumi"], SCENARIOS[name], Path(folder).resolve())
        said = [phase.pop("said") for phase in phases]
        document = {"engine": f"pulumi {version}", "phases": phases}
        (RECORDED / f"{name}.json").write_text(json.dumps(document, indent=1, sort_keys=True) + "\n")
        print(name, [phase["exit"] for phase in phases], flush=True)
        if "-v" in sys.argv:
            print(*said)


if __name__ == "__main__":
    main()
