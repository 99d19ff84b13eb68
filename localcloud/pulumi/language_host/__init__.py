"""The Python language host: Pulumi's engine starts it to run a program or a policy pack that is written in Python.

The engine finds it as `pulumi-language-python` beside its own program and speaks `pulumirpc.LanguageRuntime` to it.
"""
