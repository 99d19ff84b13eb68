"""URNs: the names by which an engine knows resources."""

from __future__ import annotations

STACK_TYPE = "pulumi:pulumi:Stack"
PROVIDER_PREFIX = "pulumi:providers:"
REFERENCE_TYPE = "pulumi:pulumi:StackReference"


def make(stack: str, project: str, parent: str, kind: str, name: str) -> str:
    """The URN of a resource; a parent of type Stack counts as none."""
    qualified = kind
    if parent and type_of(parent) != STACK_TYPE:
        qualified = f"{qualified_type(parent)}${kind}"
    return f"urn:pulumi:{stack}::{project}::{qualified}::{name}"


def qualified_type(urn: str) -> str:
    return urn.split("::", 3)[2]


def short_type(type_: str) -> str:
    """A type as people see it: `aws:s3:Bucket` for `aws:s3/bucket:Bucket`, whose module repeats its name."""
    package, _, rest = type_.partition(":")
    module, _, name = rest.rpartition(":")
    head, _, tail = module.rpartition("/")
    repeats = bool(name) and tail == name[0].lower() + name[1:]
    return f"{package}:{head}:{name}" if repeats else type_


def type_of(urn: str) -> str:
    return qualified_type(urn).rpartition("$")[2]


def name_of(urn: str) -> str:
    return urn.split("::", 3)[3]


def stack_of(urn: str) -> str:
    return urn.split("::", 3)[0].removeprefix("urn:pulumi:")


def project_of(urn: str) -> str:
    return urn.split("::", 3)[1]


def is_urn(text: str) -> bool:
    return text.startswith("urn:pulumi:") and len(text.split("::", 3)) == 4


def package_of(kind: str) -> str:
    """The package that serves a type token: the part before the first colon, or what a provider type names."""
    if kind.startswith(PROVIDER_PREFIX):
        return kind.removeprefix(PROVIDER_PREFIX)
    return kind.split(":", 1)[0]


def is_provider(kind: str) -> bool:
    return kind.startswith(PROVIDER_PREFIX)


def is_default_provider(urn: str) -> bool:
    """Whether it is a provider that the engine made, of which no summary speaks."""
    return is_provider(type_of(urn)) and name_of(urn).startswith("default")


def split_reference(reference: str) -> tuple[str, str]:
    """A provider reference's URN and id."""
    urn, _, identifier = reference.rpartition("::")
    return urn, identifier
