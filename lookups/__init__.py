"""What the program and the tools look up and never change: objects in S3, the logs of jobs, AWS's prices."""
