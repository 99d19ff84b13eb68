"""Many jobs from one declaration: over many inputs, over a grid of arguments, or over a list of variants.

SageMaker's quota limits how many instances run at once, so a limit can be given: the jobs then form as many chains, in
each of which a job starts when the one before has ended, also if that failed.

    over_inputs(jobs, "region", TransformJobArgs(input=""), {"north": "data/north.csv", ...}, at_once=4)
    over_grid(jobs, "payload", args, {"max_payload_in_mb": [1, 6], "batch_strategy": [...]})
"""

import itertools
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

from jobs.arguments import TransformJobArgs
from jobs.declaration import Jobs
from jobs.inputs import ResultOf
from jobs.validation import checked

Source = str | os.PathLike[str] | ResultOf


@checked('over_variants(jobs, "size", {"small": TransformJobArgs(...), "large": TransformJobArgs(...)})')
def over_variants(
    jobs: Jobs, name: str, variants: Mapping[str, TransformJobArgs], at_once: int | None = None
) -> dict[str, ResultOf]:
    """Declare `<name>-<variant>` for each variant, of which at most `at_once` run at a time."""
    if at_once is not None and at_once < 1:
        jobs.refuse(f"{name}: at_once is {at_once}. Allowed: 1 or more; without it all run at once")
        at_once = None
    declared: list[str] = []
    results: dict[str, ResultOf] = {}
    for variant, args in variants.items():
        before = declared[-at_once] if at_once and len(declared) >= at_once else None
        full_name = f"{name}-{variant}"
        ordered = replace(args, after=(*args.after, before)) if before else args
        results[variant] = jobs.add(full_name, ordered, fan_out=name)
        declared.append(full_name)
    return results


@checked('over_inputs(jobs, "region", TransformJobArgs(input=""), {"north": "data/north.csv"})')
def over_inputs(
    jobs: Jobs, name: str, args: TransformJobArgs, sources: Mapping[str, Source], at_once: int | None = None
) -> dict[str, ResultOf]:
    """Declare the same job for each input."""
    variants = {variant: replace(args, input=source) for variant, source in sources.items()}
    return over_variants(jobs, name, variants, at_once)


@checked('over_grid(jobs, "payload", args, {"max_payload_in_mb": [1, 6]})')
def over_grid(
    jobs: Jobs, name: str, args: TransformJobArgs, grid: Mapping[str, Iterable[Any]], at_once: int | None = None
) -> dict[str, ResultOf]:
    """Declare the job for each combination of arguments; the values name it."""
    known = [item.name for item in fields(args)]
    if unknown := [argument for argument in grid if argument not in known]:
        jobs.refuse(
            f"{name}: {', '.join(unknown)} in the grid is not an argument of a job. Allowed: {', '.join(known)}"
        )
        return {}
    variants: dict[str, TransformJobArgs] = {}
    for values in itertools.product(*grid.values()):
        variant = _named(values)
        if variant in variants:
            jobs.refuse(
                f"{name}: two combinations of the grid have the name {name}-{variant}, which is made of their values; "
                "name them yourself with over_variants"
            )
        variants[variant] = replace(args, **dict(zip(grid, values, strict=True)))
    return over_variants(jobs, name, variants, at_once)


def _named(values: Sequence[Any]) -> str:
    """Name a combination by its values, not by its number: a further value must not rename, and so rerun, the others."""
    return "-".join(re.sub(r"[^a-z0-9]+", "-", str(value).lower()).strip("-") for value in values)
