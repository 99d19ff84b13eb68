"""The policy pack in the form that Pulumi's policy engine needs: `pulumi preview --policy-pack policy`.

A rule about single resources is checked before each of them is created, and a rule about the whole stack when all of it is
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
from rules.resource import Resource, Rule


def as_policy(rule: Rule) -> Policy:
    """Return a rule as a mandatory policy."""

    def tell(report: ReportViolation, resources: list[Resource]) -> None:
        for violation in rule.violations(resources):
            report(f"{violation.text} ({', '.join(rule.controls)})", violation.urn)

    def validate_one(args: ResourceValidationArgs, report: ReportViolation) -> None:
        tell(report, [Resource(args.resource_type, args.name, args.urn, args.props)])

    def validate_all(args: StackValidationArgs, report: ReportViolation) -> None:
        tell(report, [_resource(found) for found in args.resources])

    about = (rule.name, f"{rule.text} {', '.join(rule.controls)}")
    if rule.alone:
        return ResourceValidationPolicy(*about, validate_one, EnforcementLevel.MANDATORY)
    return StackValidationPolicy(*about, validate_all, EnforcementLevel.MANDATORY)


def _resource(found: PolicyResource) -> Resource:
    dependencies = {member: [other.urn for other in others] for member, others in found.property_dependencies.items()}
    return Resource(found.resource_type, found.name, found.urn, found.props, dependencies)


PolicyPack(name="batch-inference-controls", policies=[as_policy(rule) for rule in ALL])
