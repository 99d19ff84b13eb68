"""The policy pack in the form that Pulumi's policy engine needs: `pulumi preview --policy-pack policy`.

A rule about single resources is checked before each is created; a rule that needs the whole stack, when the whole stack is
known. In a preview, checks that depend on unknown values are skipped.
"""

from pulumi_policy import (
    EnforcementLevel,
    Policy,
    PolicyPack,
    PolicyResource,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)
from rules import ALL
from rules.resource import Resource, Rule, Violation


def as_policy(rule: Rule) -> Policy:
    """A mandatory policy."""
    return _of_each(rule) if rule.alone else _of_stack(rule)


def _of_each(rule: Rule) -> ResourceValidationPolicy:
    def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
        for violation in rule.violations([Resource(args.resource_type, args.name, args.urn, args.props)]):
            report(_message(rule, violation), violation.urn)

    return ResourceValidationPolicy(
        name=rule.name, description=_description(rule), enforcement_level=EnforcementLevel.MANDATORY, validate=validate
    )


def _of_stack(rule: Rule) -> StackValidationPolicy:
    def validate(args: StackValidationArgs, report: ReportViolation) -> None:
        for violation in rule.violations([_resource(found) for found in args.resources]):
            report(_message(rule, violation), violation.urn)

    return StackValidationPolicy(
        name=rule.name, description=_description(rule), enforcement_level=EnforcementLevel.MANDATORY, validate=validate
    )


def _description(rule: Rule) -> str:
    return f"{rule.text} {', '.join(rule.controls)}"


def _message(rule: Rule, violation: Violation) -> str:
    return f"{violation.text} ({', '.join(rule.controls)})"


def _resource(found: PolicyResource) -> Resource:
    dependencies = {member: [other.urn for other in others] for member, others in found.property_dependencies.items()}
    return Resource(found.resource_type, found.name, found.urn, found.props, dependencies)


PolicyPack(name="batch-inference-controls", policies=[as_policy(rule) for rule in ALL])
