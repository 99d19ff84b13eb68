"""Declaring jobs: they are collected as data, checked together, and only then created.

Pulumi sends what a program has registered even when the program then fails, so the checks come before the first
resource of either layer. `plan` gives back the jobs in an order in which each follows those that it needs.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pulumi

from jobs import identity, inputs, validation
from jobs.argument_types import mistyped
from jobs.arguments import TransformJobArgs
from jobs.inputs import Input, InputError, LocalInput, ResultOf, S3Input

OWN_TAGS = 5
"""Tags that a job has besides its own: project, stack and job, and from the operator its version and the namespace.

The chart has two more templates, whose values, from labels that jobs do not have, are empty: ACK leaves these out.
"""


@dataclass(frozen=True)
class JobDefaults:
    """What the stack's settings say about every job."""

    region: str
    prefix: str
    batch_input: str
    instance_type: str
    allowed_instance_types: tuple[str, ...]
    input_buckets: tuple[str, ...] = ()
    output_buckets: tuple[str, ...] = ()
    existing_bucket: str = ""
    """The bucket that is given instead of the stack's own."""
    kms_keys: tuple[str, ...] = ()
    rerun: Mapping[str, str] = field(default_factory=dict[str, str])
    root: Path = Path()
    """Where the paths of local inputs start: the folder of the program."""

    @property
    def limits(self) -> validation.Limits:
        return validation.Limits(
            instance_types=self.allowed_instance_types,
            own_tags=OWN_TAGS,
            own_buckets=self.existing_bucket or f"{self.prefix}-data-",
            input_buckets=self.input_buckets,
            output_buckets=self.output_buckets,
            kms_keys=self.kms_keys,
        )


@dataclass(frozen=True)
class PlannedJob:
    """A declared job, checked, with its input looked at."""

    name: str
    args: TransformJobArgs
    input: Input
    rerun: str = ""

    @property
    def needs(self) -> tuple[str, ...]:
        """Names of the jobs that must end before this one starts."""
        of_input = (self.input.job,) if isinstance(self.input, ResultOf) else ()
        return tuple(dict.fromkeys((*of_input, *self.args.after)))


class Jobs:
    """The jobs declared so far, and what is wrong with them."""

    def __init__(self, defaults: JobDefaults, list_objects: inputs.ListObjects | None = None) -> None:
        self.defaults = defaults
        self._list_objects = list_objects or inputs.s3.list_objects
        self._declared: dict[str, TransformJobArgs] = {}
        self._problems: list[str] = []

    def add(self, name: str, args: TransformJobArgs) -> ResultOf:
        """Declare a job; its result may be another's input."""
        if name in self._declared:
            self._problems.append(f"{name}: two jobs have this name; give each its own")
        self._declared.setdefault(name, args)
        return ResultOf(name)

    def refuse(self, problem: str) -> None:
        """Take in a problem that whoever declares jobs has found."""
        self._problems.append(problem)

    def plan(self) -> list[PlannedJob]:
        """Check all jobs; stop with everything that is wrong, or return them in order."""
        self._warn_of_unknown_reruns()
        planned = {name: self._planned(name, args) for name, args in self._declared.items()}
        self._check_needs(planned)
        ordered = self._ordered(planned)
        _refuse(self._problems)
        self._warn_of_missing_rights(planned)
        return ordered

    def _planned(self, name: str, args: TransformJobArgs) -> PlannedJob:
        if problem := identity.name_problem(self.defaults.prefix, name):
            self._problems.append(f"{name}: {problem}")
        found = validation.problems(args, self.defaults.limits, identity.name_start(self.defaults.prefix, name))
        self._problems += [f"{name}: {problem}" for problem in found]
        if any(mistyped(args)):
            return PlannedJob(name, TransformJobArgs(input=""), inputs.NOTHING)
        return PlannedJob(name, args, self._input(name, args), self.defaults.rerun.get(name, ""))

    def _input(self, name: str, args: TransformJobArgs) -> Input:
        try:
            found = inputs.resolve(args.input, args.s3_data_type, self.defaults.root, self._list_objects)
        except InputError as error:
            self._problems.append(f"{name}: {error}")
            return inputs.NOTHING
        if _sends_csv_to_own_model(args) and isinstance(found, LocalInput) and (line := _header(found)):
            self._problems.append(
                f"{name}: the first line of {found.path} looks like a header ({line}); "
                "SageMaker sends every line to the model: take the header out"
            )
        return found

    def _warn_of_unknown_reruns(self) -> None:
        """No problem: the wish may outlive its job, as when a job is taken out of the program."""
        for name in self.defaults.rerun:
            if name not in self._declared:
                declared = ", ".join(self._declared) or "none"
                pulumi.log.warn(f"config rerun.{name} is for no job of this program; declared are: {declared}")

    def _warn_of_missing_rights(self, planned: Mapping[str, PlannedJob]) -> None:
        """What SageMaker says when a right is missing names no setting."""
        for job in planned.values():
            for warning in validation.missing_rights(job.args, _reads(job, planned), self.defaults.limits):
                pulumi.log.warn(f"{job.name}: {warning}")

    def _check_needs(self, planned: Mapping[str, PlannedJob]) -> None:
        for job in planned.values():
            for needed in job.needs:
                if needed not in planned:
                    self._problems.append(f"{job.name}: it needs the job '{needed}', which is not declared")
                elif not planned[needed].args.wait:
                    self._problems.append(
                        f"{job.name}: it must follow the job '{needed}', for whose end nobody waits (wait=False); "
                        "let it wait"
                    )

    def _ordered(self, planned: Mapping[str, PlannedJob]) -> list[PlannedJob]:
        ordered: dict[str, PlannedJob] = {}
        while len(ordered) < len(planned):
            ready = [job for job in planned.values() if job.name not in ordered and _is_ready(job, ordered, planned)]
            if not ready:
                cycle = ", ".join(name for name in planned if name not in ordered)
                self._problems.append(f"{cycle}: each needs another's end first; take one out of the circle")
                break
            ordered |= {job.name: job for job in ready}
        return list(ordered.values())


def collect(
    declarations: Iterable[Callable[[Jobs], object]],
    defaults: JobDefaults,
    list_objects: inputs.ListObjects | None = None,
) -> list[PlannedJob]:
    """Run the declarations, and return their jobs checked and in order."""
    jobs = Jobs(defaults, list_objects)
    for declare in declarations:
        declare(jobs)
    return jobs.plan()


def _is_ready(job: PlannedJob, ordered: Mapping[str, object], planned: Mapping[str, object]) -> bool:
    return all(needed in ordered or needed not in planned for needed in job.needs)


def _reads(job: PlannedJob, planned: Mapping[str, PlannedJob]) -> str:
    """Return where in S3 a job reads; nothing for the stack's own bucket."""
    source = job.input
    if isinstance(source, ResultOf):
        return planned[source.job].args.output_base or ""
    return source.uri if isinstance(source, S3Input) else ""


def _sends_csv_to_own_model(args: TransformJobArgs) -> bool:
    """The stack's model takes numbers only; what a filter or another model makes of a text is not known here."""
    return args.content_type == "text/csv" and args.input_filter is None and args.model_name is None


def _header(source: LocalInput) -> str | None:
    with source.files[0][1].open(encoding="utf-8", errors="replace") as file:
        first, second = file.readline(4096), file.readline(4096)
    return first.strip()[:60] if validation.header(first, second) else None


def _refuse(problems: list[str]) -> None:
    if problems:
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        lines = "\n".join(f"  - {problem}" for problem in problems)
        raise pulumi.RunError(f"The jobs cannot be declared: {count}; nothing was created.\n{lines}")
