"""EventBridge Scheduler: schedules that fire, and call AWS's own APIs under the role that they were given."""
