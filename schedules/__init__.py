"""The schedule expressions of EventBridge Scheduler, checked with the standard library only.

With it the program refuses an expression that AWS would refuse, or would accept and never run; the local cloud's scheduler
refuses the same. When a schedule fires next is computed by a library (`localcloud.aws.scheduler.store`), not by this package.
"""
