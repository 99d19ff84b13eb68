"""EventBridge: its default bus, and the events that SageMaker puts on it.

moto keeps rules and their targets. An event goes to the topics of each rule whose pattern it matches, if the topic's own
policy allows it. As on AWS, EventBridge publishes as a service, on behalf of the rule.
"""

from __future__ import annotations

import json
import logging
import sys
import uuid
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from threading import RLock
from typing import Any, cast

from localcloud.aws.iam.authorization import Authorizer, request_context
from localcloud.aws.iam.credentials import ANONYMOUS
from localcloud.aws.iam.documents import policy
from localcloud.aws.iam.evaluation import PolicySet, Request

SERVICE = "events.amazonaws.com"
_LOG = logging.getLogger(__name__)


class EventBus:
    """The default bus of one account and region.

    Args:
        account_id: the account.
        region: the region.
        rules: the lock of moto's `events`.
        topics: the lock of moto's `sns`.
        authorizer: decides by a topic's policy, and logs the decision.
    """

    def __init__(self, account_id: str, region: str, rules: RLock, topics: RLock, authorizer: Authorizer) -> None:
        self._account_id = account_id
        self._region = region
        self._rules = rules
        self._topics = topics
        self._authorizer = authorizer

    def announce(self, job_arn: str, description: Mapping[str, Any]) -> None:
        """Deliver `SageMaker Transform Job State Change`; a failed delivery is logged, and the caller does not learn of it.

        Args:
            job_arn: the job whose state has changed.
            description: DescribeTransformJob's answer, the detail of the event.
        """
        event = {
            "version": "0",
            "id": str(uuid.uuid4()),
            "detail-type": "SageMaker Transform Job State Change",
            "source": "aws.sagemaker",
            "account": self._account_id,
            "time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "region": self._region,
            "resources": [job_arn],
            "detail": json.loads(json.dumps(description, default=_epoch_milliseconds)),
        }
        for rule_arn, target_arn in self._wanted(event):
            try:
                self._publish(rule_arn, target_arn, json.dumps(event))
            except Exception:  # noqa: BLE001  a failed delivery must not fail the job that the event is about
                _LOG.exception("an event for %s is lost", target_arn)

    def _wanted(self, event: Mapping[str, Any]) -> list[tuple[str, str]]:
        """Return the ARNs of the rules that match, each with those of its targets."""
        with self._rules:
            return [(rule.arn, target["Arn"]) for rule in self._matching(event) for target in rule.targets]

    def _matching(self, event: Mapping[str, Any]) -> Iterator[Any]:
        models = cast("Any", sys.modules.get("moto.events.models"))
        if models is None:
            return  # nobody has created a rule, and to load moto's EventBridge would delay the first job
        backend = models.events_backends[self._account_id][self._region]
        for rule in backend.event_buses["default"].rules.values():
            if rule.state == "ENABLED" and rule.event_pattern.get_pattern() and rule.event_pattern.matches_event(event):
                yield rule

    def _publish(self, rule_arn: str, topic_arn: str, message: str) -> None:
        from moto.sns.models import sns_backends  # noqa: PLC0415  only when a rule matches

        if topic_arn.split(":")[2] != "sns":
            _LOG.warning("%s gets no event: in the local cloud the target of a rule must be an SNS topic", topic_arn)
            return
        with self._topics:
            topic = cast("Any", sns_backends[self._account_id][self._region]).topics.get(topic_arn)
            if topic is None:
                _LOG.warning("%s does not exist, and an event for it is lost", topic_arn)
            elif self._may_publish(rule_arn, topic_arn, topic.policy):
                topic.publish(message)

    def _may_publish(self, rule_arn: str, topic_arn: str, document: str) -> bool:
        context = {
            **request_context(ANONYMOUS, None),
            "aws:principalisawsservice": ("true",),
            "aws:principalservicename": (SERVICE,),
            "aws:sourcearn": (rule_arn,),
            "aws:sourceaccount": (self._account_id,),
        }
        request = Request("sns:Publish", topic_arn, ANONYMOUS, context, SERVICE)
        policies = PolicySet(resource=(policy(f"topic/{topic_arn}", document),))
        return self._authorizer.decide(SERVICE, request, policies).allowed


def _epoch_milliseconds(value: object) -> int:
    """Return a time as SageMaker's events have it."""
    if not isinstance(value, datetime):
        raise TypeError(f"{value!r} cannot be written into an event")
    return int(value.timestamp() * 1000)
