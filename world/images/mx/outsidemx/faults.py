"""Misbehaviour on demand: refusals, greylisting, slowness, dropped connections.

A fault names the phase it acts in and whom it concerns; what is not named is anyone. `times` lets it wear off.
"""

import secrets
import threading
from dataclasses import asdict, dataclass
from typing import Any

PHASES = ("connect", "mail", "rcpt", "data")


@dataclass
class Fault:
    phase: str
    recipient: str | None = None  # in the phases rcpt and data
    client: str | None = None  # address of the connecting server
    reply: str | None = None  # a whole SMTP reply, e.g. "450 4.2.1 try later"; None lets the mail on
    delay: float = 0.0  # seconds before the answer
    drop: bool = False  # close the connection instead of answering
    greylist: bool = False  # act only at the first attempt of a client, sender, recipient
    times: int | None = None  # act that often, then no more
    id: str = ""


class Faults:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: dict[str, Fault] = {}
        self._seen: set[tuple[str, str, str, str]] = set()

    def add(self, values: dict[str, Any]) -> dict[str, Any]:
        """Raises ValueError or TypeError for what is no fault."""
        fault = Fault(**values)
        if fault.phase not in PHASES:
            raise ValueError(f"phase must be one of {', '.join(PHASES)}")
        if fault.recipient is not None and fault.phase not in ("rcpt", "data"):
            raise ValueError("a recipient is known in the phases rcpt and data only")
        if fault.reply is not None and not fault.reply[:3].isdigit():
            raise ValueError("reply must begin with its three-digit code")
        fault.id = secrets.token_hex(4)
        if fault.recipient is not None:
            fault.recipient = fault.recipient.lower()
        with self._lock:
            self._faults[fault.id] = fault
        return asdict(fault)

    def list(self) -> list[dict[str, Any]]:
        with self._lock:
            return [asdict(fault) for fault in self._faults.values()]

    def remove(self, identifier: str | None) -> int:
        """One fault, or all."""
        with self._lock:
            going = [key for key in self._faults if identifier in (None, key)]
            for key in going:
                del self._faults[key]
        return len(going)

    def match(self, phase: str, client: str, sender: str = "", recipients: tuple[str, ...] = ()) -> Fault | None:
        """The first fault that concerns this moment; counts it as used."""
        with self._lock:
            for fault in self._faults.values():
                if self._concerns(fault, phase, client, sender, recipients):
                    if fault.times is not None:
                        fault.times -= 1
                    return fault
        return None

    def _concerns(self, fault: Fault, phase: str, client: str, sender: str, recipients: tuple[str, ...]) -> bool:
        if fault.phase != phase or fault.times == 0:
            return False
        if fault.client not in (None, client):
            return False
        if fault.recipient is not None and fault.recipient not in recipients:
            return False
        if fault.greylist:
            attempt = (fault.id, client, sender, " ".join(recipients))
            if attempt in self._seen:
                return False
            self._seen.add(attempt)
        return True
