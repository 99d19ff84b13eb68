"""The workshop's job: which customers are about to leave?

One CSV line for each customer, without header and without the answer; one probability for each line comes back.
"""

from jobs.arguments import TransformJobArgs
from jobs.declaration import Jobs


def declare(jobs: Jobs) -> None:
    jobs.add("churn", TransformJobArgs(input=jobs.defaults.batch_input))
