"""Recovery of a stack after an interrupted run, by the Pulumi CLI's own means, on the local cloud and on AWS.

A kill leaves a lock, plugins that finish their call, operations that are pending in the state, and perhaps a Helm release
that Helm refuses to continue. If a plugin alone ends, the CLI forgets what the plugin was creating. Pulumi leaves these to
its user; here they are resolved before `up` and `destroy`.
"""

from localcloud.commands.recovery.begin import attempt, settle, unlock
from localcloud.commands.recovery.deployment import let_objects_go
from localcloud.commands.recovery.events import event_log

__all__ = ["attempt", "event_log", "let_objects_go", "settle", "unlock"]
