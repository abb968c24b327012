"""The next step of a DKIM key rotation: published, then signing, then published only, then gone. Pure.

A key signs only when every server serves it, and stays published for a week after its last signature: mail waits in
queues for days, and receivers look the key up when it arrives (RFC 6376 §3.1, M3AAWG's advice on rotation).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from mailtenant.dkim import Algorithm
from mailtenant.dns.dkim import spare_selectors
from mailtenant.dns.ttl import TTL
from mailtenant.settings.dns import DomainKey, Mode

KEPT: Final = timedelta(days=7)
FORGOTTEN: Final = timedelta(seconds=TTL)
"""Behind an alias a name had another answer before (the spare's empty key): nobody remembers it after this."""
Kind = Literal["publish", "activate", "remove", "wait"]


@dataclass(frozen=True)
class Step:
    """What is due. `selector` is that of the key it is about; `said` is the sentence for people."""

    kind: Kind
    selector: str
    said: str


def next_step(keys: Sequence[DomainKey], now: datetime, algorithm: Algorithm = "rsa", mode: Mode = "txt") -> Step:
    """The one step that comes next for the keys of an algorithm. `mode` is the domain's `dkim_mode`."""
    mine = [key for key in keys if key.algorithm == algorithm]
    for key in mine:
        if key.state in ("retiring", "revoked"):
            until = key.since + KEPT if key.since else None
            if until is not None and now < until:
                said = f"{key.selector} stays published until {_when(until)} for mail on its way"
                return Step("wait", key.selector, said)
            return Step("remove", key.selector, f"{key.selector} has not signed for {KEPT.days} days: it can go")
    for key in mine:
        if key.state == "pending":
            until = key.since + FORGOTTEN if key.since and mode == "cname" else None
            if until is not None and now < until:
                said = (
                    f"{key.selector} may sign from {_when(until)} on, when nobody remembers what its name said before"
                )
                return Step("wait", key.selector, said)
            return Step("activate", key.selector, f"{key.selector} signs from now on, once every server serves it")
    fresh = next_selector(keys, algorithm, mode)
    return Step("publish", fresh, f"{fresh} is published and does not sign yet")


def next_selector(keys: Sequence[DomainKey], algorithm: Algorithm = "rsa", mode: Mode = "txt") -> str:
    """A name that no key has: the highest number in use and one.

    With aliases in the domain, the spare one that stands there already.
    """
    if mode == "cname":
        spare = spare_selectors(keys)
        return spare.get(algorithm) or spare_selectors(keys, with_first=algorithm)[algorithm]
    numbers = [int(found[1]) for key in keys if (found := re.fullmatch(r"mt([0-9]{1,6})", key.selector))]
    return f"mt{max(numbers, default=0) + 1}"


def _when(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M UTC")
