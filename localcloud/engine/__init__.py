"""A deployment engine for Pulumi Python programs, for machines that the Pulumi CLI cannot be installed on."""
