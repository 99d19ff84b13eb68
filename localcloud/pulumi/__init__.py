"""The local cloud's Pulumi resource providers: aws, eks and kubernetes, each a process that serves one provider resource."""
