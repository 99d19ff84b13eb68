"""The process that owns the local cloud: all others are its children and die with it."""
