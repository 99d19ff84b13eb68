"""The local cloud's Pulumi plugins: the resource providers aws and eks, and the host that runs programs in Python."""
