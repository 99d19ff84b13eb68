"""Steps: what is done to one resource, and what it is called."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from localcloud.engine.provider import Diff
from localcloud.engine.resource import Resource


class Op(StrEnum):
    """Kinds of steps, in the order in which summaries list them."""

    SAME = "same"
    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    REPLACE = "replace"
    CREATE_REPLACEMENT = "create-replacement"
    DELETE_REPLACED = "delete-replaced"
    READ = "read"
    READ_REPLACEMENT = "read-replacement"
    REFRESH = "refresh"
    DISCARD = "discard"
    DISCARD_REPLACED = "discard-replaced"
    REMOVE_PENDING_REPLACE = "remove-pending-replace"


READS = frozenset({Op.READ, Op.READ_REPLACEMENT, Op.DISCARD})  # they change nothing outside, and no summary lists them


@dataclass(slots=True, eq=False)
class Step:
    """One thing to do to one resource."""

    op: Op
    urn: str
    old: Resource | None = None
    new: Resource | None = None
    diff: Diff = field(default_factory=Diff)
    ignore_changes: list[str] = field(default_factory=list[str])
    pending_delete: bool = False  # of a create-replacement: the old object is deleted later
    pending_replacement: bool = False  # of a delete-replaced: the new object is created later

    @property
    def resource(self) -> Resource:
        resource = self.new or self.old
        assert resource is not None  # noqa: S101  a step has one of them
        return resource

    @property
    def logical(self) -> bool:
        """Whether the step counts in summaries: of a replacement only the replace itself does."""
        return self.op not in (
            Op.CREATE_REPLACEMENT,
            Op.DELETE_REPLACED,
            Op.DISCARD_REPLACED,
            Op.REMOVE_PENDING_REPLACE,
            Op.READ_REPLACEMENT,
        )
