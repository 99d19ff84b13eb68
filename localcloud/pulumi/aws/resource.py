"""The description of a resource type: its calls, and how its properties behave."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from localcloud.pulumi.aws.cloud import Cloud
from localcloud.pulumi.wire import Properties

Tags: TypeAlias = dict[str, str]
Tagger: TypeAlias = Callable[[Cloud, str, Properties, Tags, list[str]], None]
"""Changes the tags of an object, of its id and its outputs: adds some, and removes some by their keys."""


@dataclass(frozen=True)
class Naming:
    """How an object gets a physical name if the program does not name it.

    Args:
        property: the input that holds the name.
        prefix: the input with which the program asks for a prefix, if there is one.
        limit: how many characters a name may have.
        lower: whether the name must be lower case.
        separator: the text between the Pulumi name and the random part.
        random: whether there is a random part.
    """

    property: str
    prefix: str | None = None
    limit: int = 255
    lower: bool = False
    separator: str = "-"
    random: bool = True


@dataclass(frozen=True)
class Update:
    """An update of an object: its present and its wanted inputs, its outputs, and the names of the inputs that differ."""

    identity: str
    old: Properties
    new: Properties
    outputs: Properties
    changed: frozenset[str]


@dataclass(frozen=True)
class ResourceType:
    """One resource type.

    Args:
        token: its Pulumi type.
        create: creates the object from checked inputs and returns its id. `tagsAll` holds all tags.
        read: the object's outputs by id, or None when it is gone. It also gets the known inputs and outputs.
        delete: removes it; an object that is gone already is success.
        update: changes it in place; None if every change replaces the object.
        ready: waits until it can be used; if that fails, the object exists but is not ready.
        tagger: how its tags change; None for a type without tags.
        replaces: inputs for which every change replaces the object.
        defaults: values of inputs that the program does not set.
        documents: inputs that hold JSON, compared by meaning.
        sets: paths, without indices, of lists in the inputs whose order has no meaning.
        unsupported: inputs that AWS has but the local cloud does not.
        naming: how it gets a physical name.
        volatile: for each input, the outputs that are unknown in a preview in which it changes.
        regional: whether it belongs to a region.
        delete_first: whether a replacement cannot be made beside the old object.
        replace_paths: paths inside inputs for which every change replaces the object.
        validate: finds errors that the types alone do not show.
    """

    token: str
    create: Callable[[Cloud, Properties], str]
    read: Callable[[Cloud, str, Properties], Properties | None]
    delete: Callable[[Cloud, str, Properties], None]
    update: Callable[[Cloud, Update], object] | None = None
    ready: Callable[[Cloud, str, Properties], None] | None = None
    tagger: Tagger | None = None
    replaces: frozenset[str] = frozenset()
    defaults: Mapping[str, Any] = field(default_factory=dict)
    documents: frozenset[str] = frozenset()
    sets: frozenset[str] = frozenset()
    unsupported: frozenset[str] = frozenset()
    naming: Naming | None = None
    volatile: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    regional: bool = True
    validate: Callable[[Properties], Mapping[str, str]] | None = None
    replace_paths: frozenset[str] = frozenset()
    delete_first: bool = False
