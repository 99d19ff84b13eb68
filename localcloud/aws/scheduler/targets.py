"""Universal targets: any API of AWS, called with a JSON request and with the schedule's role.

The rules for context attributes, retries and the dead-letter queue come from
https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets-universal.html,
https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html and
https://docs.aws.amazon.com/scheduler/latest/UserGuide/configuring-schedule-dlq.html. Each attempt has an execution id of
its own.
"""

from __future__ import annotations

import json
import logging
import re
import time
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import botocore.session
from botocore import xform_name
from botocore.exceptions import BotoCoreError, ClientError

from localcloud.aws import clients
from localcloud.aws.clients import RoleCredentials
from localcloud.aws.iam.permissions import SCHEDULER_SERVICE
from localcloud.aws.iam.sts import Tokens, service_session
from localcloud.aws.protocol.wire import AccessDeniedError, AwsError

_LOG = logging.getLogger(__name__)
_UNIVERSAL = re.compile(r"arn:aws:scheduler:::aws-sdk:([a-z0-9-]+):([a-z]\w+)")
_READING = re.compile(r"(get|describe|list)[A-Z]\w*")
_SECONDS_BETWEEN = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0)


class UniversalTargets:
    """Calls AWS's APIs through the local endpoint.

    Args:
        tokens: issues the sessions of schedules' roles.
        endpoint: returns the URL of the AWS endpoint; called when the first schedule fires.
        region: the region of the calls.
    """

    def __init__(self, tokens: Tokens, endpoint: Callable[[], str], region: str) -> None:
        self._tokens = tokens
        self._endpoint = endpoint
        self._region = region

    def check(self, target: Mapping[str, Any], group_arn: str) -> None:
        """Refuse a target that can never be called, as CreateSchedule does.

        Raises:
            AwsError: it is not a universal target, its input is not JSON, or its role does not trust the scheduler.
        """
        match = _UNIVERSAL.fullmatch(target["Arn"])
        if match is None or _READING.fullmatch(match[2]):
            raise AwsError(
                "ValidationException",
                f"{target['Arn']} is not a supported target. The local cloud calls universal targets only, such as "
                "arn:aws:scheduler:::aws-sdk:sagemaker:createTransformJob, and none that only reads.",
            )
        _operation(match[1], match[2])
        _request(target.get("Input") or "{}")
        try:
            self._session(target["RoleArn"], group_arn)
        except AccessDeniedError as error:
            message = (
                f"The execution role you provide must allow AWS EventBridge Scheduler to assume the role. "
                f"{target['RoleArn']} does not trust {SCHEDULER_SERVICE} for {group_arn}."
            )
            raise AwsError("ValidationException", message) from error

    def deliver(self, schedule: Mapping[str, Any], group_arn: str, scheduled: datetime) -> None:
        """Call the target until it succeeds or its retry policy is exhausted; then send the call to the dead-letter queue."""
        target = schedule["Target"]
        attempt = 1
        while True:
            text = _filled(target.get("Input") or "{}", schedule, scheduled, attempt)
            failure = self._call(target, group_arn, text)
            if failure is None:
                return
            pause = _SECONDS_BETWEEN[min(attempt, len(_SECONDS_BETWEEN)) - 1]
            if exhausted := _exhausted(target["RetryPolicy"], attempt, scheduled, pause):
                break
            time.sleep(pause)
            attempt += 1
        _LOG.warning("schedule %s failed: %s: %s", schedule["Name"], failure.code, failure.message)
        attributes = {
            "ERROR_CODE": failure.code,
            "ERROR_MESSAGE": failure.message,
            "EXHAUSTED_RETRY_CONDITION": exhausted,
            "RETRY_ATTEMPTS": str(attempt - 1),
            "SCHEDULED_TIME": _stamp(scheduled),
            "SCHEDULE_ARN": schedule["Arn"],
            "TARGET_ARN": target["Arn"],
        }
        self._send_to_queue(target, group_arn, text, attributes)

    def _call(self, target: Mapping[str, Any], group_arn: str, text: str) -> AwsError | None:
        service, action = target["Arn"].split(":")[-2:]
        try:
            client = self._client(service, target["RoleArn"], group_arn)
            getattr(client, xform_name(_operation(service, action)))(**_request(text))
        except ClientError as error:
            found: Mapping[str, Any] = error.response.get("Error") or {}
            return AwsError(str(found.get("Code")), str(found.get("Message")))
        except AwsError as error:
            return error
        except (BotoCoreError, TypeError) as error:
            return AwsError("InvalidRequest", str(error))
        return None

    def _send_to_queue(
        self, target: Mapping[str, Any], group_arn: str, text: str, attributes: Mapping[str, str]
    ) -> None:
        """Send a failed call to the dead-letter queue with the schedule's role; without a queue the call is lost."""
        arn = (target.get("DeadLetterConfig") or {}).get("Arn")
        if not arn:
            return
        account_id, name = str(arn).split(":")[4:6]
        try:
            self._client("sqs", target["RoleArn"], group_arn).send_message(
                QueueUrl=f"{self._endpoint()}/{account_id}/{name}",
                MessageBody=text,
                MessageAttributes={
                    key: {"DataType": "String", "StringValue": value} for key, value in attributes.items() if value
                },
            )
        except (ClientError, BotoCoreError, AwsError) as error:
            _LOG.warning("a failed call cannot be sent to %s: %s", arn, error)

    def _client(self, service: str, role_arn: str, group_arn: str) -> Any:
        return clients.client(service, self._endpoint(), self._region, self._session(role_arn, group_arn))

    def _session(self, role_arn: str, group_arn: str) -> RoleCredentials:
        issued = service_session(self._tokens, SCHEDULER_SERVICE, role_arn, group_arn)
        return RoleCredentials(issued.access_key_id, issued.secret_access_key, issued.session_token)


def _exhausted(policy: Mapping[str, Any], attempt: int, scheduled: datetime, pause: float) -> str:
    """Return the limit of the retry policy that is exhausted after a failed attempt; empty if another attempt follows."""
    age = (datetime.now(UTC) - scheduled).total_seconds()
    if age + pause > float(policy["MaximumEventAgeInSeconds"]):
        return "MaximumEventAgeInSeconds"
    return "MaximumRetryAttempts" if attempt > int(policy["MaximumRetryAttempts"]) else ""


def _operation(service: str, action: str) -> str:
    """Return the name of an operation as the service's model has it.

    Raises:
        AwsError: there is no such service or operation.
    """
    session = botocore.session.get_session()
    wanted = action[0].upper() + action[1:]
    if service in session.get_available_services():
        names: Any = session.get_service_model(service).operation_names
        if wanted in names:
            return wanted
    raise AwsError("ValidationException", f"arn:aws:scheduler:::aws-sdk:{service}:{action} is not a supported target.")


def _request(text: str) -> dict[str, Any]:
    """Return a target's input, which is a request.

    Raises:
        AwsError: the input is not a JSON object.
    """
    try:
        found = json.loads(text)
    except ValueError as error:
        raise AwsError("ValidationException", f"Invalid RequestJson provided. Reason {error}") from error
    if not isinstance(found, dict):
        raise AwsError("ValidationException", "Invalid RequestJson provided. Reason it is not a JSON object")
    return found


def _filled(text: str, schedule: Mapping[str, Any], scheduled: datetime, attempt: int) -> str:
    values = {
        "schedule-arn": schedule["Arn"],
        "scheduled-time": _stamp(scheduled),
        "execution-id": str(uuid.uuid4()),  # 36 characters: as long as AWS's may be
        "attempt-number": str(attempt),
    }
    for name, value in values.items():
        text = text.replace(f"<aws.scheduler.{name}>", value)
    return text


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
