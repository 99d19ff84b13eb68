"""A job's identity is its content.

SageMaker keeps job names for ever and never updates a job, so the name says what decides the result: the whole
spec, the digest of the input, and the user's wish to run it again. Declared again, the same job is adopted; changed
in anything, it is another one. Pure functions; a table of tests says for each argument whether it counts.
"""

import copy
import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

MAX_NAME = 63
HASH_LENGTH = 8

_DECLARED = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")


def name_problem(prefix: str, declared: str) -> str | None:
    """Say why a job cannot be declared under this name, or None."""
    longest = MAX_NAME - len(prefix) - HASH_LENGTH - 2
    if not _DECLARED.fullmatch(declared):
        return (
            "the name must consist of a-z, 0-9 and -, with a letter or digit first and last; capitals are not allowed"
        )
    if len(declared) > longest:
        return (
            f"the name has {len(declared)} characters, {longest} are allowed: SageMaker takes {MAX_NAME}, "
            f"of which the prefix '{prefix}-' and the hash need the rest"
        )
    return None


def name_start(prefix: str, declared: str) -> str:
    """Return what is known of a job's name before the rest of the job is."""
    return f"{prefix}-{declared}-"


def job_name(prefix: str, declared: str, spec: Mapping[str, Any], input_digest: str, rerun: str) -> str:
    """Return `<prefix>-<declared>-<hash8>` for a spec whose output path is still the output base.

    Args:
        prefix: the stack's.
        declared: the declared name.
        spec: without name and tags.
        input_digest: of the input's content.
        rerun: the wish to run the job again: any text, and after an `@` perhaps the content that it was meant for.
    """
    content = content_hash(spec, input_digest)
    wished = "" if is_spent(rerun, content) else rerun
    return f"{name_start(prefix, declared)}{_hash(spec, input_digest, wished) if wished else content}"


def content_hash(spec: Mapping[str, Any], input_digest: str) -> str:
    """Return eight hexadecimal digits for what decides the result, whoever wishes to run it again."""
    return _hash(spec, input_digest, "")


def is_spent(rerun: str, content: str) -> bool:
    """Say whether a wish to run a job again was meant for another content, which a job with this one fulfils."""
    _, mark, meant = rerun.rpartition("@")
    return bool(mark) and meant != content


def _hash(spec: Mapping[str, Any], input_digest: str, rerun: str) -> str:
    content = json.dumps([_deciding(spec), input_digest, rerun], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(content.encode()).hexdigest()[:HASH_LENGTH]


def _deciding(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what does not decide the result: the name itself, which is made from the rest, and tags."""
    return {key: copy.copy(value) for key, value in spec.items() if key not in {"transformJobName", "tags"}}
