"""Messages: SQS queues, and SNS topics with their subscriptions."""

from __future__ import annotations

from typing import Any

from localcloud.pulumi.aws.cloud import Cloud, absent_as_none, ignore
from localcloud.pulumi.aws.resource import Naming, ResourceType, Tags, Update, names, tag_list, tag_map, tagger
from localcloud.pulumi.wire import Properties

# Queue

_NO_QUEUE = ("AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist")
_NUMBERS = {
    "delaySeconds": "DelaySeconds",
    "maxMessageSize": "MaximumMessageSize",
    "messageRetentionSeconds": "MessageRetentionPeriod",
    "receiveWaitTimeSeconds": "ReceiveMessageWaitTimeSeconds",
    "visibilityTimeoutSeconds": "VisibilityTimeout",
}
_TEXTS = {"policy": "Policy", "redrivePolicy": "RedrivePolicy", "redriveAllowPolicy": "RedriveAllowPolicy"}
_ENCRYPTED = ("sqsManagedSseEnabled", "SqsManagedSseEnabled")


def _queue_attributes(inputs: Properties) -> dict[str, str]:
    attributes = {api: str(inputs[name]) for name, api in {**_NUMBERS, **_TEXTS}.items() if name in inputs}
    name, api = _ENCRYPTED
    return attributes | ({api: "true" if inputs[name] else "false"} if name in inputs else {})


def _create_queue(cloud: Cloud, inputs: Properties) -> str:
    answer = cloud.call(
        "sqs",
        "CreateQueue",
        QueueName=inputs["name"],
        Attributes=_queue_attributes(inputs),
        tags=inputs.get("tagsAll"),
    )
    return answer["QueueUrl"]


def _read_queue(cloud: Cloud, identity: str, known: Properties) -> Properties | None:
    answer = absent_as_none(
        lambda: cloud.call("sqs", "GetQueueAttributes", QueueUrl=identity, AttributeNames=["All"]), *_NO_QUEUE
    )
    if answer is None:
        return None
    found = answer["Attributes"]
    return {
        "name": identity.rpartition("/")[2],
        "namePrefix": known.get("namePrefix") or "",
        "arn": found["QueueArn"],
        "url": identity,
        "fifoQueue": False,
        **{name: int(found[api]) for name, api in _NUMBERS.items() if api in found},
        **{name: found[api] for name, api in _TEXTS.items() if found.get(api)},
        _ENCRYPTED[0]: found.get(_ENCRYPTED[1], "true") == "true",
        "tagsAll": cloud.call("sqs", "ListQueueTags", QueueUrl=identity).get("Tags") or {},
    }


def _update_queue(cloud: Cloud, update: Update) -> None:
    gone = {api: "" for name, api in _TEXTS.items() if name in update.old and name not in update.new}
    attributes = {**_queue_attributes(update.new), **gone}
    cloud.call("sqs", "SetQueueAttributes", QueueUrl=update.identity, Attributes=attributes)


def _delete_queue(cloud: Cloud, identity: str, known: Properties) -> None:
    ignore(lambda: cloud.call("sqs", "DeleteQueue", QueueUrl=identity), *_NO_QUEUE)


def _tag_queue(cloud: Cloud, identity: str, outputs: Properties, add: Tags, remove: list[str]) -> None:
    if remove:
        cloud.call("sqs", "UntagQueue", QueueUrl=identity, TagKeys=remove)
    if add:
        cloud.call("sqs", "TagQueue", QueueUrl=identity, Tags=add)


QUEUE = ResourceType(
    token="aws:sqs/queue:Queue",
    create=_create_queue,
    read=_read_queue,
    update=_update_queue,
    delete=_delete_queue,
    tagger=_tag_queue,
    replaces=names("name namePrefix"),
    defaults={
        "delaySeconds": 0,
        "messageRetentionSeconds": 345600,
        "receiveWaitTimeSeconds": 0,
        "visibilityTimeoutSeconds": 30,
    },
    documents=names("policy redrivePolicy redriveAllowPolicy"),
    unsupported=names(
        "contentBasedDeduplication deduplicationScope fifoQueue fifoThroughputLimit kmsDataKeyReusePeriodSeconds "
        "kmsMasterKeyId"
    ),
    naming=Naming("name", "namePrefix", limit=80),
)

# Topic

_NO_TOPIC = ("NotFound", "NotFoundException")
_TOPIC_ATTRIBUTES = {"displayName": "DisplayName", "policy": "Policy"}


def _create_topic(cloud: Cloud, inputs: Properties) -> str:
    arn = cloud.call("sns", "CreateTopic", Name=inputs["name"], Tags=tag_list(inputs.get("tagsAll")))["TopicArn"]
    cloud.made(arn)
    for name in _TOPIC_ATTRIBUTES.keys() & inputs.keys():
        _set_topic(cloud, arn, name, inputs[name])
    return arn


def _set_topic(cloud: Cloud, arn: str, name: str, value: str) -> None:
    attribute = _TOPIC_ATTRIBUTES[name]
    cloud.call("sns", "SetTopicAttributes", TopicArn=arn, AttributeName=attribute, AttributeValue=value)


def _topic(cloud: Cloud, arn: str) -> Any:
    answer = absent_as_none(lambda: cloud.call("sns", "GetTopicAttributes", TopicArn=arn), *_NO_TOPIC)
    return answer["Attributes"] if answer else None


def _read_topic(cloud: Cloud, identity: str, known: Properties) -> Properties | None:
    found = _topic(cloud, identity)
    if found is None:
        return None
    return {
        "name": identity.rpartition(":")[2],
        "namePrefix": known.get("namePrefix") or "",
        "arn": identity,
        "owner": found.get("Owner"),
        "fifoTopic": False,
        "displayName": found.get("DisplayName") or "",
        "policy": found.get("Policy"),
        "tagsAll": tag_map(cloud.call("sns", "ListTagsForResource", ResourceArn=identity).get("Tags")),
    }


def _update_topic(cloud: Cloud, update: Update) -> None:
    for name in _TOPIC_ATTRIBUTES.keys() & update.changed:
        _set_topic(cloud, update.identity, name, update.new.get(name, ""))


def _delete_topic(cloud: Cloud, identity: str, known: Properties) -> None:
    ignore(lambda: cloud.call("sns", "DeleteTopic", TopicArn=identity), *_NO_TOPIC)


_KINDS = ("application", "firehose", "http", "lambda", "sqs")
TOPIC = ResourceType(
    token="aws:sns/topic:Topic",
    create=_create_topic,
    read=_read_topic,
    update=_update_topic,
    delete=_delete_topic,
    tagger=tagger("sns", "Resource", "ResourceArn"),
    replaces=names("name namePrefix"),
    documents=names("policy"),
    unsupported=names(
        "archivePolicy contentBasedDeduplication deliveryPolicy fifoThroughputScope fifoTopic kmsMasterKeyId "
        "maximumMessageSize signatureVersion tracingConfig"
    )
    | {f"{kind}{end}" for kind in _KINDS for end in ("FailureFeedbackRoleArn", "SuccessFeedbackRoleArn")}
    | {f"{kind}SuccessFeedbackSampleRate" for kind in _KINDS},
    naming=Naming("name", "namePrefix", limit=256),
)

# Subscription


def _subscribe(cloud: Cloud, inputs: Properties) -> str:
    """Subscribe; an e-mail address must confirm the subscription, which has an ARN even before that."""
    return cloud.call(
        "sns",
        "Subscribe",
        TopicArn=inputs["topic"],
        Protocol=inputs["protocol"],
        Endpoint=inputs["endpoint"],
        ReturnSubscriptionArn=True,
    )["SubscriptionArn"]


def _read_subscription(cloud: Cloud, identity: str, known: Properties) -> Properties | None:
    answer = absent_as_none(
        lambda: cloud.call("sns", "GetSubscriptionAttributes", SubscriptionArn=identity), *_NO_TOPIC
    )
    if answer is None:
        return None
    found = answer["Attributes"]
    return {
        "arn": identity,
        "topic": found["TopicArn"],
        "protocol": found.get("Protocol") or known.get("protocol"),
        "endpoint": found["Endpoint"],
        "ownerId": found.get("Owner"),
        "pendingConfirmation": found.get("PendingConfirmation") == "true",
    }


def _unsubscribe(cloud: Cloud, identity: str, known: Properties) -> None:
    ignore(lambda: cloud.call("sns", "Unsubscribe", SubscriptionArn=identity), *_NO_TOPIC)


SUBSCRIPTION = ResourceType(
    token="aws:sns/topicSubscription:TopicSubscription",
    create=_subscribe,
    read=_read_subscription,
    delete=_unsubscribe,
    replaces=names("endpoint protocol topic"),
    defaults={"confirmationTimeoutInMinutes": 1, "endpointAutoConfirms": False, "rawMessageDelivery": False},
    unsupported=names("deliveryPolicy filterPolicy filterPolicyScope redrivePolicy replayPolicy subscriptionRoleArn"),
)
