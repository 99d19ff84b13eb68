"""The jobs of this stack. To add one, write a file beside `churn.py` and name it here."""

from jobs import churn

DECLARATIONS = (churn.declare,)
