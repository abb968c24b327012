"""The next step of a DKIM key rotation: published, then signing, then published only, then gone. Pure.

A key signs only when every server serves it, and stays published for a week after its last signature: mail waits in
queues for days, and receivers look the key up when it arrives (RFC 6376 §3.1, M3AAWG's advice on rotation).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from mailtenant.settings.dns import DomainKey

KEPT: Final = timedelta(days=7)
Kind = Literal["publish", "activate", "remove", "wait"]


@dataclass(frozen=True)
class Step:
    """What is due. `selector` is that of the key it is about; `said` is the sentence for people."""

    kind: Kind
    selector: str
    said: str


def next_step(keys: Sequence[DomainKey], now: datetime, algorithm: str = "rsa") -> Step:
    """The one step that comes next for the keys of an algorithm."""
    mine = [key for key in keys if key.algorithm == algorithm]
    for key in mine:
        if key.state in ("retiring", "revoked"):
            until = key.since + KEPT if key.since else None
            if until is not None and now < until:
                when = until.strftime("%Y-%m-%d %H:%M UTC")
                return Step("wait", key.selector, f"{key.selector} stays published until {when} for mail on its way")
            return Step("remove", key.selector, f"{key.selector} has not signed for {KEPT.days} days: it can go")
    for key in mine:
        if key.state == "pending":
            return Step("activate", key.selector, f"{key.selector} signs from now on, once every server serves it")
    fresh = next_selector(keys)
    return Step("publish", fresh, f"{fresh} is published and does not sign yet")


def next_selector(keys: Sequence[DomainKey]) -> str:
    """A name that no key has: the highest number in use and one."""
    numbers = [int(found[1]) for key in keys if (found := re.fullmatch(r"mt([0-9]{1,6})", key.selector))]
    return f"mt{max(numbers, default=0) + 1}"
