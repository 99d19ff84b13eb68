"""The rules in the form that Pulumi's policy engine takes."""

from pulumi_policy import EnforcementLevel, PolicyResource, ReportViolation, StackValidationArgs, StackValidationPolicy

from .resource import Resource, Rule


def as_policy(rule: Rule) -> StackValidationPolicy:
    """A mandatory policy over the whole stack; in a preview, values that are not known yet are passed over."""

    def validate(args: StackValidationArgs, report: ReportViolation) -> None:
        for violation in rule.violations([_resource(found) for found in args.resources]):
            report(f"{violation.text} ({', '.join(rule.controls)})", violation.urn)

    return StackValidationPolicy(
        name=rule.name,
        description=f"{rule.text} {', '.join(rule.controls)}",
        enforcement_level=EnforcementLevel.MANDATORY,
        validate=validate,
    )


def _resource(found: PolicyResource) -> Resource:
    dependencies = {member: [other.urn for other in others] for member, others in found.property_dependencies.items()}
    return Resource(found.resource_type, found.name, found.urn, found.props, dependencies)
