"""Who calls, and whether the policies allow it: signatures, principals, policy evaluation."""
