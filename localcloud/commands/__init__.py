"""The commands behind `make`, for the local stack and for a real account."""
