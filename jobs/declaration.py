"""Declaring jobs: they are collected as data, checked together, and only then created.

Pulumi creates the resources that a program has registered even if the program then fails, so the checks come before the first
resource of either layer. `plan` returns the jobs in an order in which each follows those that it needs.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pulumi

from infra import archive
from infra.model_args import ContainerArgs, ModelArgs
from infra.problems import refuse
from infra.settings import Settings
from jobs import columns, identity, inputs, labels, scheduling, validation
from jobs.account import Account
from jobs.arguments import TransformJobArgs
from jobs.columns import Reader
from jobs.inputs import Input, InputError, ResultOf, S3Input
from jobs.validation import Limits, checked, mistyped

OWN_TAGS = 3
"""Tags that a job has from its stack: project, stack and job."""
SUBJECT = "the declared jobs"
SHOWN = 5  # findings in the files of one folder


@dataclass(frozen=True)
class JobDefaults:
    """The stack's settings that apply to every job."""

    region: str
    prefix: str
    batch_input: str
    limits: Limits
    model: ModelArgs = field(default_factory=ModelArgs)
    """The stack's own model, which a job uses unless it names another."""
    rerun: Mapping[str, str] = field(default_factory=dict[str, str])
    root: Path = Path()
    """Where relative paths start: the folder of the program."""

    @classmethod
    def of(cls, settings: Settings) -> "JobDefaults":
        limits = Limits(
            instance_types=settings.allowed_transform_instance_types,
            own_tags=OWN_TAGS + settings.operator_tags,
            own_buckets=settings.existing_bucket or f"{settings.prefix}-data-",
            input_buckets=settings.input_buckets,
            output_buckets=settings.output_buckets,
            kms_keys=settings.kms_keys,
        )
        return cls(settings.region, settings.prefix, settings.batch_input, limits, settings.model, settings.rerun)


@dataclass(frozen=True)
class PlannedJob:
    """A declared job, after all checks.

    Attributes:
        name: the declared name.
        args: as declared.
        input: the data that it reads.
        rerun: the request to run it again, from the stack's config.
        fan_out: the name of the fan-out that it is a member of; empty for any other job.
    """

    name: str
    args: TransformJobArgs
    input: Input
    rerun: str = ""
    fan_out: str = ""

    @property
    def needs(self) -> tuple[str, ...]:
        """Names of the jobs that must end before this one starts."""
        of_input = (self.input.job,) if isinstance(self.input, ResultOf) else ()
        return tuple(dict.fromkeys((*of_input, *self.args.after)))


class Jobs:
    """The jobs declared so far, and the problems with them."""

    def __init__(self, defaults: JobDefaults, account: Account | None = None) -> None:
        self.defaults = defaults
        self._account = account or Account()
        self._declared: dict[str, TransformJobArgs] = {}
        self._fan_outs: dict[str, str] = {}
        self._problems: list[str] = []
        self._warnings: list[str] = []

    @checked('jobs.add("late", TransformJobArgs(input="late.csv"))')
    def add(self, name: str, args: TransformJobArgs, *, fan_out: str = "") -> ResultOf:
        """Declare a job.

        Args:
            name: letters a-z, digits and -; the prefix, this name and a hash make the job's name.
            args: its arguments.
            fan_out: the name of the fan-out that it is a member of.

        Returns:
            Its result, which may be another job's input.
        """
        if name in self._declared:
            self._refuse(name, "two jobs have this name; give each its own")
        self._declared.setdefault(name, args)
        self._fan_outs[name] = fan_out
        return ResultOf(name)

    def _refuse(self, name: str, *problems: str) -> None:
        self._problems += [f"{name or repr(name)}: {problem}" for problem in problems]

    def refuse(self, problem: str) -> None:
        """Report a problem that the code which declares jobs has found."""
        self._problems.append(problem)

    def plan(self) -> list[PlannedJob]:
        """Check all jobs; stop and report everything that is wrong, or return them in order."""
        self._warn_of_unknown_reruns()
        planned = {name: self._planned(name, args) for name, args in self._declared.items()}
        self._check_needs(planned)
        self._check_models(planned)
        ordered = self._ordered(planned)
        refuse(self._problems, SUBJECT)
        self._warn_of_missing_permissions(planned)
        for warning in self._warnings:
            pulumi.log.warn(warning)
        return ordered

    def _planned(self, name: str, args: TransformJobArgs) -> PlannedJob:
        if problem := identity.name_problem(self.defaults.prefix, name):
            self._refuse(name, problem)
        start = identity.name_start(self.defaults.prefix, name)
        self._refuse(name, *validation.problems(args, self.defaults.limits, start))
        if any(mistyped(args)):
            return PlannedJob(name, TransformJobArgs(input=""), inputs.NOTHING)
        self._warnings += [f"{name}: {warning}" for warning in validation.doubtful_filters(args)]
        if args.model_name is None:
            model = args.model or self.defaults.model
            self._refuse(f"{name}: model", *model.script_problems(args.environment))
        if args.schedule is not None:
            self._refuse(name, *scheduling.problems(self.defaults.prefix, name, args))
            return PlannedJob(name, args, scheduling.unread(args.input))
        source = self._input(name, args)
        if args.model:
            self._refuse(f"{name}: model", *args.model.problems(self.defaults.root))
        self._refuse(name, *labels.problems(args, source, self.defaults.root, self._account))
        return PlannedJob(name, args, source, self.defaults.rerun.get(name, ""), self._fan_outs[name])

    def _input(self, name: str, args: TransformJobArgs) -> Input:
        try:
            found = inputs.resolve(args.input, args.s3_data_type, self.defaults.root, self._account.list_objects)
            self._check_columns(name, args, found)
        except InputError as error:
            self._refuse(name, str(error))
            return inputs.NOTHING
        return found

    def _check_columns(self, name: str, args: TransformJobArgs, source: Input) -> None:
        """Compare a CSV input with its model's columns: refuse certain failures, and warn of other differences."""
        if not labels.is_csv(args) or args.split_type not in {"None", "Line"}:
            return
        reader = self._reader(args)
        samples = inputs.samples(source, args.compression_type, self._account.read_head)
        found = [one for sample in samples for one in columns.findings(sample, args.input_filter, reader)]
        for finding in found[:SHOWN]:
            (self._problems if finding.is_certain else self._warnings).append(f"{name}: {finding.text}")
        if more := found[SHOWN:]:
            text = f"{name}: and {len(more)} more like these; is {args.input} the right folder?"
            (self._problems if any(finding.is_certain for finding in more) else self._warnings).append(text)

    def _reader(self, args: TransformJobArgs) -> Reader:
        """Return the known facts about the container that reads the input; none, if the job only names its model."""
        if args.model_name is not None:
            return Reader()
        first: ContainerArgs = (args.model or self.defaults.model).parts[0]
        found = archive.contents(self.defaults.root / first.archive) if first.archive else archive.Contents()
        return Reader(found.features, first.uses_xgboost)

    def _check_models(self, planned: Mapping[str, PlannedJob]) -> None:
        named = {job.args.model_name: job for job in planned.values() if isinstance(job.args.model_name, str)}
        for model, job in named.items():
            if not self._account.model_exists(str(model), self.defaults.region):
                self._refuse(
                    job.name,
                    f"model_name: SageMaker has no model '{model}' in {self.defaults.region}; correct the name, "
                    "or give the job a model of its own: model=ModelArgs(archive=...)",
                )

    def _warn_of_unknown_reruns(self) -> None:
        """Only warn: the setting may outlive its job, as when a job is removed from the program."""
        for name in self.defaults.rerun:
            if name not in self._declared:
                declared = ", ".join(self._declared) or "none"
                pulumi.log.warn(
                    f"config rerun.{name} names no job of this program; declared are: {declared}. "
                    f"To remove it: pulumi config rm --path rerun.{name}"
                )

    def _warn_of_missing_permissions(self, planned: Mapping[str, PlannedJob]) -> None:
        """SageMaker's own message about a missing permission does not name a setting."""
        for job in planned.values():
            for warning in validation.missing_permissions(job.args, _reads(job, planned), self.defaults.limits):
                pulumi.log.warn(f"{job.name}: {warning}")

    def _check_needs(self, planned: Mapping[str, PlannedJob]) -> None:
        for job in planned.values():
            for needed in job.needs:
                follow = f"it must follow the job '{needed}', which"
                if needed not in planned:
                    self._refuse(job.name, f"it needs the job '{needed}', which is not declared")
                elif planned[needed].args.schedule is not None:
                    self._refuse(job.name, f"{follow} runs by a schedule; take one of them out")
                elif not planned[needed].args.wait:
                    self._refuse(job.name, f"{follow} has wait=False, so that its end is not known; remove wait=False")

    def _ordered(self, planned: Mapping[str, PlannedJob]) -> list[PlannedJob]:
        ordered: dict[str, PlannedJob] = {}
        while len(ordered) < len(planned):
            ready = [job for job in planned.values() if job.name not in ordered and _is_ready(job, ordered, planned)]
            if not ready:
                cycle = ", ".join(name for name in planned if name not in ordered)
                self._problems.append(f"{cycle}: each must wait for another one to end; break the circle")
                break
            ordered |= {job.name: job for job in ready}
        return list(ordered.values())


def collect(
    declarations: Iterable[Callable[[Jobs], object]], defaults: JobDefaults, account: Account | None = None
) -> list[PlannedJob]:
    """Run the declarations, and return their jobs checked and in order.

    Args:
        declarations: functions that declare jobs, as `jobs/declared.py` lists them.
        defaults: the stack's settings for jobs.
        account: makes the lookups; by default in AWS.

    Raises:
        pulumi.RunError: something is wrong; the message says all of it.
    """
    jobs = Jobs(defaults, account)
    refuse(_misdeclared(declarations), SUBJECT)
    for declare in declarations:
        try:
            declare(jobs)
        except pulumi.RunError as error:  # reported together with the problems of the other jobs
            jobs.refuse(str(error))
    return jobs.plan()


def private_images(planned: Sequence[PlannedJob], settings: Settings) -> list[str]:
    """Return the images outside of SageMaker's own registries that models of the stack and of its jobs use."""
    models = [settings.model, *(job.args.model for job in planned if job.args.model)]
    return list(dict.fromkeys(image for model in models for image in model.private_images))


def _misdeclared(declarations: object) -> list[str]:
    """List the items of DECLARATIONS that are not functions which declare jobs."""
    where = "DECLARATIONS in jobs/declared.py"
    if callable(declarations):
        name = getattr(declarations, "__qualname__", type(declarations).__name__)
        return [f"{where} is the function {name} alone: put a comma after it, as in (churn.declare,)"]
    if not isinstance(declarations, Iterable):
        return [f"{where} is {declarations!r}: it must be a tuple of functions, as in (churn.declare,)"]
    return [_not_a_function(where, one) for one in list[object](declarations) if not callable(one)]


def _not_a_function(where: str, found: object) -> str:
    if hasattr(found, "declare"):
        name = str(getattr(found, "__name__", found)).rpartition(".")[2]
        return f"{where} names the module {name}: name its function, {name}.declare"
    if found is None:
        return f"{where} contains None: name a function without calling it, or let the function that makes it return it"
    return f"{where} contains {found!r}: each item must be a function that declares jobs, such as churn.declare"


def _is_ready(job: PlannedJob, ordered: Mapping[str, object], planned: Mapping[str, object]) -> bool:
    return all(needed in ordered or needed not in planned for needed in job.needs)


def _reads(job: PlannedJob, planned: Mapping[str, PlannedJob]) -> str:
    """Return where in S3 a job reads; an empty string for the stack's own bucket."""
    source = job.input
    if isinstance(source, ResultOf):
        return planned[source.job].args.output_base or ""
    return source.uri if isinstance(source, S3Input) else ""
