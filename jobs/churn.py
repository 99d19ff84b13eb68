"""The workshop's job: which customers are about to leave?

Its input is one CSV line for each customer, without a header and without the answer; its result is one probability for
each line.
"""

from dataclasses import replace

from jobs.arguments import TransformJobArgs
from jobs.declaration import Jobs

INPUT = "model/batch_input.csv"
COLUMNS = (
    "account_length",
    "area_code",
    "international_plan",
    "voice_mail_plan",
    "number_vmail_messages",
    "total_day_minutes",
    "total_day_calls",
    "total_day_charge",
    "total_eve_minutes",
    "total_eve_calls",
    "total_eve_charge",
    "total_night_minutes",
    "total_night_calls",
    "total_night_charge",
    "total_intl_minutes",
    "total_intl_calls",
    "total_intl_charge",
    "customer_service_calls",
)


def declare(jobs: Jobs) -> None:
    args = TransformJobArgs(input=jobs.defaults.batch_input)
    if args.input == INPUT:  # the right answers are known for the workshop's own customers only
        args = replace(args, labels="model/truth.csv", label_column="churn", columns=COLUMNS)
    jobs.add("churn", args)
