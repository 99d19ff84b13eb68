"""The condition to wait for: a job has ended in any way, or cannot start.

For the operator a failed job is Ready and Synced, so that conditions alone are not enough; a job that cannot start has no
status at all and is tried again for ever. The expression is RFC 9535 JSONPath, as the Kubernetes provider reads it:
`!=`, `<=` and `>=` must not occur, and `search` must not meet a missing field, hence `@.message &&`.

AccessDenied counts as an end. A change in IAM is effective within seconds, which pass before a job starts
(`infra.identity`); a missing statement stays missing, and waiting for it would take the whole timeout.

ResourceLimitExceeded counts as an end only where waiting does not help: the quota is 0, or nothing of it is in use and
the job asks for more than all of it. Otherwise the operator tries again by itself and starts the job when others have
ended; a wait that ended earlier would leave that job running, and billed, unnoticed. SageMaker's message is:
`The account-level service limit 'ml.m5.large for transform job usage' is 2 Instances, with current utilization of
2 Instances and a request delta of 1 Instances.`
"""

from lookups import ENDS

WAIT_FOR = "pulumi.com/waitFor"

DOES_NOT_HEAL = "ValidationException|AccessDenied|ResourceLimitExceeded.*(is|utilization of) 0 Instances"


def expression() -> str:
    """Return the value of the annotation `pulumi.com/waitFor`."""
    ended = " || ".join(f'@.transformJobStatus == "{status}"' for status in ENDS)
    hopeless = f'@.type == "ACK.Recoverable" && @.message && search(@.message, "{DOES_NOT_HEAL}")'
    never_started = f'@.conditions[?@.status == "True" && (@.type == "ACK.Terminal" || {hopeless})]'
    return f"jsonpath={{[?{ended} || {never_started}]}}"
