"""Containers of one's own, to copy from."""
