"""A customer's move from the shared host to a system of its own, as pure rules: states, guards, planning of waves.

No database, no network, no clock. Stored by `mailtenant.control`; carried out by the workflow.
"""

from mailtenant.migration import events
from mailtenant.migration.evidence import Policy, Window
from mailtenant.migration.machine import Applied, Refused, apply
from mailtenant.migration.model import Migration
from mailtenant.migration.states import Side, State
from mailtenant.migration.transitions import TRANSITIONS, Notice

__all__ = [
    "TRANSITIONS", "Applied", "Migration", "Notice", "Policy", "Refused", "Side", "State", "Window", "apply", "events",
]  # fmt: skip
