"""Recovery of a stack after a run that was cut off, by the Pulumi CLI's own means, on the local cloud and on AWS.

A kill leaves a lock, plugins that finish their call, operations that are pending in the state, and perhaps a Helm release
that Helm goes on from no more. Pulumi asks its user about the first three; here they are settled before `up` and `destroy`.
"""

from localcloud.commands.recovery.begin import attempt, settle, unlock
from localcloud.commands.recovery.cluster import let_objects_go

__all__ = ["attempt", "let_objects_go", "settle", "unlock"]
