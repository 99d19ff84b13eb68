"""The programs that are compiled from pinned Go modules, and their build."""
