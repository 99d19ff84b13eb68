"""A deployment as one JSON document, in the form of `pulumi preview --json`."""

from __future__ import annotations

import json
import time
from typing import Any

from localcloud.engine.deployment import Outcome
from localcloud.engine.display.progress import Progress, StepRecord
from localcloud.engine.display.text import for_json
from localcloud.engine.resource import Resource
from localcloud.engine.steps import Op, Step
from localcloud.engine.urns import STACK_TYPE, is_default_provider
from localcloud.engine.values import Properties, rewrite


class Digest(Progress):
    """Collects what happens and prints it at the end."""

    def begin(self) -> None:
        """Nothing is printed before the end."""

    def write(self, text: str) -> None:
        """Nor are lines."""

    say = write

    def end(self, outcome: Outcome) -> None:
        changes = {op.value: count for op, count in outcome.changes.items()}
        document: dict[str, Any] = {
            "config": self.config,
            "steps": [self._step(record.step) for record in self.steps if self._is_listed(record.step)],
            "diagnostics": [
                {"urn": each.urn, "message": each.message, "severity": each.severity} for each in self.diagnostics
            ],
            "duration": int((time.monotonic() - self._start) * 1e9),
            "changeSummary": changes,
            "outputs": self._values(outcome.outputs),
            "result": "failed" if outcome.failed else "succeeded",
        }
        self.out(json.dumps(document, indent=2, ensure_ascii=True) + "\n")

    def failed(self, step: Step, message: str) -> None:
        super().failed(step, message)
        self.steps.append(StepRecord(step, 0.0))

    def _is_listed(self, step: Step) -> bool:
        """Whether a step is one for scripts: not the halves of a replacement, nor what stays as it is but the stack."""
        if is_default_provider(step.urn) or step.op == Op.REFRESH or not step.logical:
            return False
        if step.op != Op.SAME or step.resource.type == STACK_TYPE:
            return True
        return step.old is not None and step.old.protect != step.resource.protect

    def _step(self, step: Step) -> dict[str, Any]:
        entry: dict[str, Any] = {"op": step.op.value, "urn": step.urn}
        if step.resource.provider:
            entry["provider"] = step.resource.provider
        if step.old is not None:
            entry["oldState"] = self._state(step.old)
        if step.new is not None:
            entry["newState"] = self._state(step.new)
        if step.diff.diffs:
            entry["diffReasons"] = step.diff.diffs
        if step.diff.replaces:
            entry["replaceReasons"] = step.diff.replaces
        if step.diff.detailed:
            entry["detailedDiff"] = {
                path: {"kind": kind, "inputDiff": of_inputs} for path, (kind, of_inputs) in step.diff.detailed.items()
            }
        return entry

    def _state(self, resource: Resource) -> dict[str, Any]:
        state: dict[str, Any] = {"urn": resource.urn, "custom": resource.custom, "type": resource.type}
        known: dict[str, Any] = {
            "id": resource.id,
            "inputs": self._values(resource.inputs),
            "outputs": self._values(resource.outputs),
            "parent": resource.parent,
            "provider": resource.provider,
            "dependencies": resource.dependencies,
            "propertyDependencies": resource.property_dependencies,
            "protect": resource.protect,
        }
        return state | {name: value for name, value in known.items() if value}

    def _values(self, values: Properties) -> Any:
        return rewrite(for_json(values), lambda part: self.mask(part) if isinstance(part, str) else part)
