"""The programs that Pulumi's command line looks for beside itself: the language host, and dynamic providers' wrapper."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Final

_CHECKOUT: Final = Path(__file__).resolve().parents[3]

# Isolated (-I), so that the host does not import the program's modules. The option -m would need a PYTHONPATH, which the
# program would inherit.
_HOST: Final = """\
#!/bin/sh
exec {python} -I -c 'import runpy, sys
sys.path.insert(0, sys.argv.pop(1))
runpy.run_module("localcloud.pulumi.language_host", run_name="__main__", alter_sys=True)' {checkout} "$@"
"""

# The engine hands the options of Pulumi.yaml to a plugin as variables, and starts it in the project's folder.
_DYNAMIC_PROVIDERS: Final = """\
#!/bin/sh
environment=${PULUMI_RUNTIME_VIRTUALENV%/}
if [ -z "$environment" ]; then
    exec "${PULUMI_PYTHON_CMD:-python3}" -u -m pulumi.dynamic "$@"
fi
case $environment in /*) ;; *) environment=$PWD/$environment ;; esac
if [ ! -x "$environment/bin/python" ]; then
    echo "The 'virtualenv' option in Pulumi.yaml names $environment, which is not a virtual environment." >&2
    echo "Run \\`pulumi install\\` to make it." >&2
    exit 1
fi
unset PYTHONHOME
PATH=$environment/bin:$PATH VIRTUAL_ENV=$environment exec "$environment/bin/python" -u -m pulumi.dynamic "$@"
"""


def install(folder: Path, python: Path | None = None) -> None:
    """Write both programs into the folder of Pulumi's command line.

    Args:
        folder: the folder of `pulumi`, which must be the program itself or a hard link: it resolves symbolic links
            before it looks beside itself.
        python: the host's interpreter, which must have grpcio and the pulumi package; by default this one.
    """
    host = _HOST.format(python=shlex.quote(str(python or sys.executable)), checkout=shlex.quote(str(_CHECKOUT)))
    for name, text in (("pulumi-language-python", host), ("pulumi-resource-pulumi-python", _DYNAMIC_PROVIDERS)):
        program = folder / name
        program.write_text(text)
        program.chmod(0o755)
