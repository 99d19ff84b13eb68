"""Tools over boto3 that serve a real account and the local cloud alike."""
