"""What `make` runs: each command of the interface, for the local stack and for a real account."""
