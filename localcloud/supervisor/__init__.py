"""One process that owns the local cloud: its children die with it, and with it the whole cloud is gone."""
