"""The probe behind `mailtenant check`: does what a customer's mail client does, and says what is wrong if it fails."""

from mailtenant.check.plan import run_check
from mailtenant.check.report import Report, Status, StepResult

__all__ = ["Report", "Status", "StepResult", "run_check"]
