"""The one wait: it ends on every end of a job, also of one that never starts.

A failed job is Ready and Synced for the operator, so conditions alone do not tell; a job that cannot start has no
status at all and is tried again for ever. The expression is RFC 9535 JSONPath, as the Kubernetes provider reads it:
`!=`, `<=` and `>=` must not occur, and `search` must not meet a missing field, hence `@.message &&`.

AccessDenied counts as an end. It may heal within seconds of a change to IAM, but policies stand minutes before the
first job; and a statement that is missing never heals, while waiting for it would take the whole timeout.
"""

from lookups.transform_jobs import ENDS

WAIT_FOR = "pulumi.com/waitFor"

DOES_NOT_HEAL = "ValidationException|ResourceLimitExceeded|AccessDenied"


def expression() -> str:
    """Return the value of the annotation `pulumi.com/waitFor`."""
    ended = " || ".join(f'@.transformJobStatus == "{status}"' for status in ENDS)
    hopeless = f'@.type == "ACK.Recoverable" && @.message && search(@.message, "{DOES_NOT_HEAL}")'
    never_started = f'@.conditions[?@.status == "True" && (@.type == "ACK.Terminal" || {hopeless})]'
    return f"jsonpath={{[?{ended} || {never_started}]}}"
