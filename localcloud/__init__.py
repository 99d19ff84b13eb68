"""The local cloud: everything the program needs when there is no AWS account."""
