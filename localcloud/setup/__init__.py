"""Set-up of a fresh checkout with the standard library alone: virtual environment, binaries, tools, environment file."""
