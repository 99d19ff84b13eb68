"""EventBridge: moto keeps rules and their targets; what happens in the local cloud is matched and delivered here."""
