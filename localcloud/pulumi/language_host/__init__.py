"""The Python language host: Pulumi's engine starts it to run a program or a policy pack that is written in Python."""
