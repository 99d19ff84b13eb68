"""EventBridge Scheduler: schedules that fire, and call AWS's APIs with the role that they were given."""
