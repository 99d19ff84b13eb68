"""The schedule expressions of EventBridge Scheduler, checked with the standard library only.

The program refuses with it what AWS would refuse, or would accept and never run; the local cloud's scheduler refuses the
same. When a schedule fires next is for a library to say (`localcloud.aws.scheduler.timing`), not for this package.
"""
