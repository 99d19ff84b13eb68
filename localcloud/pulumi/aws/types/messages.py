"""Messages: SQS queues, and SNS topics with their subscriptions."""

from __future__ import annotations

from localcloud.pulumi.aws.api import Api, Tagging
from localcloud.pulumi.aws.cloud import Cloud
from localcloud.pulumi.aws.resource import Naming, Update
from localcloud.pulumi.aws.schema import coerced
from localcloud.pulumi.wire import Properties, names

# Queue

_QUEUE_ATTRIBUTES = {
    "delaySeconds": "DelaySeconds",
    "maxMessageSize": "MaximumMessageSize",
    "messageRetentionSeconds": "MessageRetentionPeriod",
    "policy": "Policy",
    "receiveWaitTimeSeconds": "ReceiveMessageWaitTimeSeconds",
    "redriveAllowPolicy": "RedriveAllowPolicy",
    "redrivePolicy": "RedrivePolicy",
    "sqsManagedSseEnabled": "SqsManagedSseEnabled",
    "visibilityTimeoutSeconds": "VisibilityTimeout",
}
_QUEUE = Api(
    token="aws:sqs/queue:Queue",
    service="sqs",
    identity="url",
    calls=("CreateQueue", "GetQueueAttributes", "DeleteQueue"),
    key="Attributes",
    gone=("AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"),
    names={"arn": "QueueArn", "name": "QueueName", "url": "QueueUrl", **_QUEUE_ATTRIBUTES},
    tagging=Tagging("sqs", "TagQueue", "UntagQueue", "ListQueueTags", parameter="queueUrl", output="url"),
)


def _queue_attributes(inputs: Properties) -> dict[str, str]:
    return {api: coerced("string", inputs[name]) for name, api in _QUEUE_ATTRIBUTES.items() if name in inputs}


def _create_queue(cloud: Cloud, inputs: Properties) -> str:
    return _QUEUE.ask(cloud, "CreateQueue", inputs, Attributes=_queue_attributes(inputs))["QueueUrl"]


def _read_queue(cloud: Cloud, identity: str, known: Properties) -> Properties | None:
    found = _QUEUE.found(cloud, identity, {"attributeNames": ["All"]})
    return found and {
        "sqsManagedSseEnabled": True,
        "fifoQueue": False,
        **_QUEUE.outputs(cloud, identity, found),
        "name": identity.rpartition("/")[2],
    }


def _update_queue(cloud: Cloud, update: Update) -> None:
    documents = names("policy redrivePolicy redriveAllowPolicy")
    gone = {name: "" for name in documents if name in update.old and name not in update.new}
    attributes = _queue_attributes({**update.new, **gone})
    cloud.call("sqs", "SetQueueAttributes", QueueUrl=update.identity, Attributes=attributes)


QUEUE = _QUEUE.type(
    create=_create_queue,
    read=_read_queue,
    update=_update_queue,
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
_TOPIC = Api(
    token="aws:sns/topic:Topic",
    service="sns",
    identity="arn",
    calls=("CreateTopic", "GetTopicAttributes", "DeleteTopic"),
    key="Attributes",
    gone=_NO_TOPIC,
    names={"arn": "TopicArn"},
    tagging=Tagging("sns", listing="ListTagsForResource"),
)
_TOPIC_ATTRIBUTES = {"displayName": "DisplayName", "policy": "Policy"}


def _create_topic(cloud: Cloud, inputs: Properties) -> str:
    arn = cloud.made(_TOPIC.ask(cloud, "CreateTopic", inputs)["TopicArn"])
    for name in _TOPIC_ATTRIBUTES.keys() & inputs.keys():
        _set_topic(cloud, arn, name, inputs[name])
    return arn


def _set_topic(cloud: Cloud, arn: str, name: str, value: str) -> None:
    attribute = _TOPIC_ATTRIBUTES[name]
    cloud.call("sns", "SetTopicAttributes", TopicArn=arn, AttributeName=attribute, AttributeValue=value)


def _read_topic(cloud: Cloud, identity: str, known: Properties) -> Properties | None:
    found = _TOPIC.read(cloud, identity, known)
    return found and {"fifoTopic": False, "displayName": "", **found, "name": identity.rpartition(":")[2]}


def _update_topic(cloud: Cloud, update: Update) -> None:
    for name in _TOPIC_ATTRIBUTES.keys() & update.changed:
        _set_topic(cloud, update.identity, name, update.new.get(name, ""))


_KINDS = ("application", "firehose", "http", "lambda", "sqs")
TOPIC = _TOPIC.type(
    create=_create_topic,
    read=_read_topic,
    update=_update_topic,
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

_SUBSCRIPTION = Api(
    token="aws:sns/topicSubscription:TopicSubscription",
    service="sns",
    identity="arn",
    calls=("Subscribe", "GetSubscriptionAttributes", "Unsubscribe"),
    key="Attributes",
    gone=_NO_TOPIC,
    names={"arn": "SubscriptionArn", "ownerId": "Owner", "topic": "TopicArn"},
)


def _subscribe(cloud: Cloud, inputs: Properties) -> str:
    """Subscribe; an e-mail address must confirm the subscription, which has an ARN even before that."""
    return _SUBSCRIPTION.ask(cloud, "Subscribe", inputs, ReturnSubscriptionArn=True)["SubscriptionArn"]


SUBSCRIPTION = _SUBSCRIPTION.type(
    create=_subscribe,
    replaces=names("endpoint protocol topic"),
    defaults={"confirmationTimeoutInMinutes": 1, "endpointAutoConfirms": False, "rawMessageDelivery": False},
    unsupported=names("deliveryPolicy filterPolicy filterPolicyScope redrivePolicy replayPolicy subscriptionRoleArn"),
)

TYPES = (
    QUEUE,
    TOPIC,
    SUBSCRIPTION,
)
