"""A job's identity is its content.

SageMaker keeps job names for ever and never updates a job. So the name contains a hash of everything that affects the
result: the whole spec, the digest of the input, and the user's request to run it again. The same job, declared again, is
adopted; a job with any change is another job. Pure functions; a table of tests says for each argument whether it counts.
"""

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
    if not _DECLARED.fullmatch(declared):
        wrong = re.search("[^a-z0-9-]", declared)
        meant = re.sub("[^a-z0-9]+", "-", declared.lower()).strip("-")
        return (
            "the name must consist of a-z, 0-9 and -, with a letter or digit first and last"
            f"{f'; {wrong[0]!r} is not allowed' if wrong else ''}{f'; is {meant} meant?' if meant else ''}"
        )
    return length_problem(prefix, declared, HASH_LENGTH, "", "the hash")


def length_problem(prefix: str, declared: str, ending: int, when: str, what: str) -> str | None:
    """Say that a declared name leaves no room for the rest of a job's name, or None.

    Args:
        prefix: the stack's.
        declared: the declared name.
        ending: the characters that are needed behind the declared name.
        when: the condition for that, for the message.
        what: what these characters are, for the message.
    """
    longest = MAX_NAME - len(name_start(prefix, "")) - ending
    if len(declared) <= longest:
        return None
    allowed = f"{longest} are allowed" if longest > 0 else "none fits"
    return (
        f"the name has {len(declared)} characters, {allowed}{when}: SageMaker allows {MAX_NAME}, "
        f"of which the prefix '{prefix}-' and {what} need the rest"
    )


def name_start(prefix: str, declared: str) -> str:
    """Return the part of a job's name that is known before the rest of the job is."""
    return f"{prefix}-{declared}-"


def job_name(prefix: str, declared: str, spec: Mapping[str, Any], input_digest: str, rerun: str) -> str:
    """Return `<prefix>-<declared>-<hash8>` for a spec whose output path is still the output base.

    Args:
        prefix: the stack's.
        declared: the declared name.
        spec: without name and tags.
        input_digest: of the input's content.
        rerun: the request to run the job again: any text, which may end with `@` and the content hash that it is for.
    """
    content = content_hash(spec, input_digest)
    wished = "" if is_spent(rerun, content) else rerun
    return f"{name_start(prefix, declared)}{_hash(spec, input_digest, wished) if wished else content}"


def content_hash(spec: Mapping[str, Any], input_digest: str) -> str:
    """Return eight hexadecimal digits of everything that affects the result, except a request to run the job again."""
    return _hash(spec, input_digest, "")


def is_spent(rerun: str, content: str) -> bool:
    """Say whether a request to run a job again was meant for another content, so that it no longer counts."""
    _, mark, meant = rerun.rpartition("@")
    return bool(mark) and meant != content


def _hash(spec: Mapping[str, Any], input_digest: str, rerun: str) -> str:
    # Without members that do not affect the result: the name itself, which is made from the rest, and tags.
    deciding = {key: value for key, value in spec.items() if key not in {"transformJobName", "tags"}}
    content = json.dumps([deciding, input_digest, rerun], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(content.encode()).hexdigest()[:HASH_LENGTH]
