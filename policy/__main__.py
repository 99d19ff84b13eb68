"""The policy pack: `pulumi preview --policy-pack policy`, with the official CLI."""

from pulumi_policy import PolicyPack
from rules import ALL
from rules.pack import as_policy

PolicyPack(name="batch-inference-controls", policies=[as_policy(rule) for rule in ALL])
