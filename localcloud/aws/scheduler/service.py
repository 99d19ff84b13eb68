"""The operations of EventBridge Scheduler, and the thread that fires due schedules.

Schedules are checked when they are made: the expression, the time zone, the target, and whether the role may be
assumed for the schedule's group. Everything else, including the target's own rules, is checked when they fire.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from localcloud.aws.protocol import validation
from localcloud.aws.protocol.wire import AwsError, Call, Operation, locked
from localcloud.aws.scheduler.store import DEFAULT_GROUP, Group, Schedule, Shown, Store, now
from localcloud.aws.scheduler.targets import UniversalTargets
from schedules import expression

_LONGEST_WAIT = 30.0  # seconds, after which the clock is read again: it may have been set
_RETRIES = {"MaximumEventAgeInSeconds": 86400, "MaximumRetryAttempts": 185}
_GIVEN = ("Description", "StartDate", "EndDate", "KmsKeyArn")


class Scheduler:
    """EventBridge Scheduler of one account and region."""

    def __init__(self, account_id: str, region: str, targets: UniversalTargets) -> None:
        self._store = Store(account_id, region)
        self._targets = targets
        self._closed = False
        self._thread = threading.Thread(target=self._fire, name="scheduler", daemon=True)

    def operations(self) -> Mapping[str, Operation]:
        operations: dict[str, Operation] = {
            "CreateScheduleGroup": self.create_group,
            "GetScheduleGroup": self.get_group,
            "DeleteScheduleGroup": self.delete_group,
            "ListScheduleGroups": self.list_groups,
            "TagResource": self.tag,
            "UntagResource": self.untag,
            "ListTagsForResource": self.list_tags,
            "CreateSchedule": self.create,
            "GetSchedule": self.get,
            "UpdateSchedule": self.update,
            "DeleteSchedule": self.delete,
        }
        return locked(self._store.changed, operations)

    def start(self) -> None:
        """Start to fire schedules."""
        self._thread.start()

    def close(self) -> None:
        """Stop firing schedules."""
        with self._store.changed:
            self._closed = True
            self._store.changed.notify_all()

    def tags_of(self, arn: str) -> Mapping[str, str]:
        """Return the tags of a group, by its ARN or that of a schedule in it."""
        name = arn.partition("/")[2].partition("/")[0]
        with self._store.changed:
            group = self._store.groups.get(name)
            return dict(group.tags) if group is not None else {}

    # Groups

    def create_group(self, call: Call) -> Mapping[str, Any]:
        group = self._store.add_group(call.params["Name"], _tags(call.params.get("Tags")))
        return {"ScheduleGroupArn": group.shown["Arn"]}

    def get_group(self, call: Call) -> Mapping[str, Any]:
        return self._store.group(call.params["Name"]).shown

    def delete_group(self, call: Call) -> Mapping[str, Any]:
        name = call.params["Name"]
        if name == DEFAULT_GROUP:
            raise _invalid("The default schedule group cannot be deleted.")
        self._store.group(name)
        del self._store.groups[name]
        return {}

    def list_groups(self, call: Call) -> Mapping[str, Any]:
        prefix = call.params.get("NamePrefix") or ""
        found = [group.shown for name, group in sorted(self._store.groups.items()) if name.startswith(prefix)]
        return validation.page("ScheduleGroups", found, call.params)

    def tag(self, call: Call) -> Mapping[str, Any]:
        self._tagged(call).tags.update(_tags(call.params["Tags"]))
        return {}

    def untag(self, call: Call) -> Mapping[str, Any]:
        for key in call.params["TagKeys"]:
            self._tagged(call).tags.pop(key, None)
        return {}

    def list_tags(self, call: Call) -> Mapping[str, Any]:
        return {"Tags": [{"Key": key, "Value": value} for key, value in self._tagged(call).tags.items()]}

    def _tagged(self, call: Call) -> Group:
        return self._store.group(call.params["ResourceArn"].partition(":schedule-group/")[2])

    # Schedules

    def create(self, call: Call) -> Mapping[str, Any]:
        group, name = _place(call)
        schedules = self._store.group(group).schedules
        if name in schedules:
            raise AwsError("ConflictException", f"Schedule {name} already exists.", 409)
        moment = now()
        schedules[name] = self._made(call, {"CreationDate": moment, "LastModificationDate": moment})
        self._store.changed.notify_all()
        return {"ScheduleArn": schedules[name].shown["Arn"]}

    def get(self, call: Call) -> Mapping[str, Any]:
        return self._store.schedule(*_place(call)).shown

    def update(self, call: Call) -> Mapping[str, Any]:
        """Replace a schedule: members that the call omits get their defaults."""
        known = self._store.schedule(*_place(call))
        times = {"CreationDate": known.shown["CreationDate"], "LastModificationDate": now()}
        self._store.group(known.group).schedules[known.name] = made = self._made(call, times)
        self._store.changed.notify_all()
        return {"ScheduleArn": made.shown["Arn"]}

    def delete(self, call: Call) -> Mapping[str, Any]:
        known = self._store.schedule(*_place(call))
        del self._store.group(known.group).schedules[known.name]
        self._store.changed.notify_all()
        return {}

    def _made(self, call: Call, times: Shown) -> Schedule:
        """Return the schedule that a call describes, once it is checked, with the time at which it fires first."""
        params, (group, name) = call.params, _place(call)
        timezone = params.get("ScheduleExpressionTimezone") or "UTC"
        _check_times(params["ScheduleExpression"], timezone)
        target = {**params["Target"], "RetryPolicy": {**_RETRIES, **(params["Target"].get("RetryPolicy") or {})}}
        self._targets.check(target, self._store.arn("schedule-group", group))
        shown: Shown = {
            "Arn": self._store.arn("schedule", f"{group}/{name}"),
            "Name": name,
            "GroupName": group,
            "ScheduleExpression": params["ScheduleExpression"],
            "ScheduleExpressionTimezone": timezone,
            "State": params.get("State") or "ENABLED",
            "FlexibleTimeWindow": dict(params["FlexibleTimeWindow"]),
            "ActionAfterCompletion": params.get("ActionAfterCompletion") or "NONE",
            "Target": target,
            **times,
            **{member: params[member] for member in _GIVEN if params.get(member) is not None},
        }
        schedule = Schedule(shown)
        schedule.set_next(times["LastModificationDate"] - timedelta(milliseconds=1))  # a rate fires at once
        return schedule

    # Firing

    def _fire(self) -> None:
        with self._store.changed:
            while not self._closed:
                moment = now()
                for schedule in self._store.all():
                    if schedule.fires_at is not None and schedule.fires_at <= moment:
                        self._begin(schedule, schedule.fires_at)
                self._store.changed.wait(self._seconds_until_next())

    def _seconds_until_next(self) -> float:
        moment = now()
        ahead = [(one.fires_at - moment).total_seconds() for one in self._store.all() if one.fires_at is not None]
        return max(0.0, min([*ahead, _LONGEST_WAIT]))

    def _begin(self, schedule: Schedule, scheduled: datetime) -> None:
        """Call the target in another thread, and find the next time; a schedule that is over may be deleted."""
        work = (schedule.shown, self._store.arn("schedule-group", schedule.group), scheduled)
        threading.Thread(target=self._targets.deliver, args=work, name=f"fire-{schedule.name}", daemon=True).start()
        schedule.set_next(max(scheduled, now()))
        if schedule.fires_at is None and schedule.shown["ActionAfterCompletion"] == "DELETE":
            del self._store.group(schedule.group).schedules[schedule.name]


def _place(call: Call) -> tuple[str, str]:
    return call.params.get("GroupName") or DEFAULT_GROUP, call.params["Name"]


def _check_times(text: str, timezone: str) -> None:
    try:
        expression.parse(text)
    except expression.ExpressionError as error:
        raise _invalid(f"Invalid Schedule Expression {text}. {error}") from error
    try:
        expression.zone(timezone)
    except expression.ExpressionError as error:
        raise _invalid(f"The ScheduleExpressionTimezone {timezone} is not valid: {error}") from error


def _tags(rows: Iterable[Mapping[str, str]] | None) -> dict[str, str]:
    return {row["Key"]: row["Value"] for row in rows or ()}


def _invalid(message: str) -> AwsError:
    return AwsError("ValidationException", message)
