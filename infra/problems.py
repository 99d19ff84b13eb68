"""Everything that is wrong is said at once, before anything is created.

A program that stops at its first wrong value makes people run it once for each mistake. So readers and checks
collect problems, and one `pulumi.RunError`, which Pulumi shows without a traceback, carries them all.
"""

from collections.abc import Sequence

import pulumi


def refuse(problems: Sequence[str], subject: str) -> None:
    """Stop the program if there are problems: one line each under a heading that counts them."""
    if not problems:
        return
    count = f"1 {subject} cannot be used" if len(problems) == 1 else f"{len(problems)} {subject}s cannot be used"
    raise pulumi.RunError("\n".join([f"{count}; nothing was created.", *(f"  - {problem}" for problem in problems)]))


def told(error: Exception) -> str:
    """Return what AWS said, in one line, of the error that a failed function raises: the SDK wraps it up twice."""
    text = str(error).rpartition("returned an error: ")[2]
    return (text.splitlines() or [type(error).__name__])[0].rstrip(".")
