"""What the official command line has and this one does not: refused by name, not taken for a slip of the finger."""

from __future__ import annotations

from collections.abc import Sequence

from localcloud.engine.errors import UnsupportedError

_VERBS = frozenset(
    "about ai cloud console convert deployment do env import install login logout logs neo new "  # noqa: SIM905  a list of words
    "org package plugin policy schema state template view-trace watch whoami".split()
)
_VERBS_UNDER = {
    "stack": frozenset("change-secrets-provider graph history import rename tag unselect".split()),  # noqa: SIM905  likewise
    "config": frozenset(("cp", "env", "refresh", "rm-all", "set-all")),
}
_FLAGS = frozenset(
    "-c --config --config-file --config-path -d --debug --attach-debugger --client --continue-on-error --diff "  # noqa: SIM905  likewise
    "--exclude --exclude-dependents --exclude-protected --import-file --import-pending-creates --clear-pending-creates "
    "--plan --save-plan --policy-pack --policy-pack-config --remove --run-program --show-config --show-full-output "
    "--show-policy-remediations --show-reads --show-replacement-steps --show-sames --skip-pending-creates --strict "
    "--suppress-outputs --suppress-permalink --suppress-progress -t --target --target-dependents --target-replace "
    "--emoji --logflow --logtostderr --profiling --tracing -v --verbose --memprofilerate --remote "
    "--disable-integrity-checking --fully-qualify-stack-names --copy-config-from --teams --raw --type --open -a --all -o "
    "--organization --project --tag --version --otel-traces -e -Q".split()
)


class RefusedUsageError(UnsupportedError):
    """The command line asks for a feature that this engine refuses."""

    exit_code = 2


def refuse_verb(words: Sequence[str]) -> None:
    """Refuse a verb that only the official command line has.

    Args:
        words: the command line without its flags.

    Raises:
        RefusedUsageError: it begins with such a verb.
    """
    first, second = (*words, "", "")[:2]
    if first in _VERBS:
        raise RefusedUsageError(f"pulumi {first}")
    if second in _VERBS_UNDER.get(first, ()):
        raise RefusedUsageError(f"pulumi {first} {second}")


def refuse_flags(unknown: Sequence[str]) -> None:
    """Likewise for flags.

    Raises:
        RefusedUsageError: one of the words is such a flag.
    """
    for word in unknown:
        flag = word.partition("=")[0]
        if flag in _FLAGS:
            raise RefusedUsageError(f"the flag {flag}")
