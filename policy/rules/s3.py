"""The rules for buckets: they are private and encrypted, accept TLS only, and let objects expire."""

from .resource import Check, Properties, Rule, companion, each, statements, texts

_BUCKET = "aws:s3/bucket:Bucket"
_EVERYBODY = ("*", {"AWS": "*"})
_BLOCKS = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")


def _block_all(block: Properties) -> str | None:
    missing = [name for name in _BLOCKS if block.get(name) is not True]
    return f"leaves public access open: {', '.join(missing)} must be true" if missing else None


def _owner_enforced(controls: Properties) -> str | None:
    ownership = (controls.get("rule") or {}).get("objectOwnership")
    return None if ownership == "BucketOwnerEnforced" else f"has objectOwnership {ownership}: ACLs must be off"


def _encrypted(configuration: Properties) -> str | None:
    algorithms = [
        (rule.get("applyServerSideEncryptionByDefault") or {}).get("sseAlgorithm")
        for rule in configuration.get("rules") or []
    ]
    return None if any(algorithms) else "has no default encryption"


def _expires(configuration: Properties) -> str | None:
    rules = [rule for rule in configuration.get("rules") or [] if rule.get("status") == "Enabled"]
    if not any(rule.get("expiration") for rule in rules):
        return "lets nothing expire"
    if not any(rule.get("abortIncompleteMultipartUpload") for rule in rules):
        return "keeps the parts of interrupted uploads"
    return None


def _denies_plain_http(policy: Properties) -> str | None:
    for statement in statements(policy.get("policy")):
        plain = texts(statement.get("Condition", {}).get("Bool", {}).get("aws:SecureTransport")) == ["false"]
        if statement["Effect"] == "Deny" and plain and statement.get("Principal") in _EVERYBODY:
            return None
    return "does not refuse plain HTTP"


def _lets_nobody_in(policy: Properties) -> str | None:
    allowed = [s.get("Principal") for s in statements(policy.get("policy")) if s["Effect"] == "Allow"]
    return "lets everybody in" if any(principal in _EVERYBODY for principal in allowed) else None


def _guarded(name: str, controls: tuple[str, ...], text: str, guard: str, check: Check) -> Rule:
    """Return a rule that each bucket has a guard, a resource of this type that names it, and that the guard passes the check."""
    type_ = f"aws:s3/{guard[0].lower()}{guard[1:]}:{guard}"
    return Rule(name, controls, text, companion(_BUCKET, type_, "bucket", check), alone=False)


RULES = (
    _guarded(
        "s3-block-public-access",
        (
            *("S3.2", "S3.3", "S3.8", "CKV_AWS_53", "CKV_AWS_54", "CKV_AWS_55", "CKV_AWS_56", "CKV2_AWS_6"),
            "AwsSolutions-S2",
        ),
        "A bucket blocks public access in all four ways.",
        "BucketPublicAccessBlock",
        _block_all,
    ),
    _guarded(
        "s3-no-acls",
        ("S3.12", "CKV_AWS_20", "CKV_AWS_57", "CKV2_AWS_65", "CKV_AWS_379"),
        "The bucket's owner owns all objects; there are no ACLs.",
        "BucketOwnershipControls",
        _owner_enforced,
    ),
    _guarded(
        "s3-encrypted",
        ("S3.4", "CKV_AWS_19"),
        "A bucket encrypts its objects.",
        "BucketServerSideEncryptionConfiguration",
        _encrypted,
    ),
    _guarded(
        "s3-lifecycle",
        ("S3.10", "S3.13", "CKV2_AWS_61", "CKV_AWS_300"),
        "Results expire, and interrupted uploads are removed.",
        "BucketLifecycleConfiguration",
        _expires,
    ),
    _guarded(
        "s3-tls-only",
        ("S3.5", "AwsSolutions-S10"),
        "A bucket refuses requests without TLS.",
        "BucketPolicy",
        _denies_plain_http,
    ),
    Rule(
        "s3-policy-not-public",
        ("S3.6", "CKV_AWS_70"),
        "No bucket policy gives access to everybody.",
        each("aws:s3/bucketPolicy:BucketPolicy", _lets_nobody_in),
    ),
)
