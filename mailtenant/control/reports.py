"""What was found out about a customer and is shown to it: logins at the old host, usage, keys, verification.

One row a kind, the newest. Functions of a session; the caller owns the transaction.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy.orm import Session

from mailtenant.control.plane import ControlPlane
from mailtenant.control.tables import Report
from mailtenant.migration import usage
from mailtenant.migration.evidence import Verification
from mailtenant.migration.logins import Login, OldHostUser, at_old_host, from_json, merged, recent


class Kind(StrEnum):
    """What a report is about."""

    LOGINS = "logins"
    USAGE = "usage"
    AGREED = "agreed"
    DNS = "dns"
    VERIFICATION = "verification"


def get(session: Session, tenant_id: int, kind: Kind) -> Report | None:
    return session.get(Report, (tenant_id, kind.value))


def put(plane: ControlPlane, session: Session, tenant_id: int, kind: Kind, content: Mapping[str, Any]) -> Report:
    """In the place of an older one."""
    row = session.get(Report, (tenant_id, kind.value), with_for_update=True)
    if row is None:
        row = Report(tenant_id=tenant_id, kind=kind.value, at=plane.now(), content=dict(content))
        session.add(row)
        session.flush()  # found by the next call in this transaction
    else:
        row.at, row.content = plane.now(), dict(content)
    return row


def drop(session: Session, tenant_id: int, kind: Kind) -> None:
    if (row := get(session, tenant_id, kind)) is not None:
        session.delete(row)


def note_logins(plane: ControlPlane, session: Session, tenant_id: int, seen: Sequence[Login]) -> None:
    """Adds what the old host's log shows now to what it has shown before."""
    row = session.get(Report, (tenant_id, Kind.LOGINS.value), with_for_update=True)
    known = from_json(row.content["logins"]) if row else []
    rows = [one.as_json() for one in merged(known, seen, plane.now())]
    put(plane, session, tenant_id, Kind.LOGINS, {"logins": rows})


def logins(session: Session, tenant_id: int) -> tuple[datetime, list[Login]] | None:
    """When somebody looked last, and all that is remembered; None: nobody has looked."""
    row = get(session, tenant_id, Kind.LOGINS)
    return (row.at, from_json(row.content["logins"])) if row else None


def shown_logins(session: Session, tenant_id: int, cut_over_at: datetime | None, now: datetime) -> dict[str, Any]:
    """`recent_logins` and `old_host_logins` as API and CLI show them; the latter None before the cut-over."""
    found = logins(session, tenant_id)
    at, known = found or (None, [])
    users: list[OldHostUser] | None = at_old_host(known, cut_over_at, now) if cut_over_at and found else None
    return {
        "recent_logins": [
            {"address": one.address, "client": one.client, "service": one.service,
             "last_seen": one.at.isoformat(timespec="seconds")}
            for one in recent(known, now)
        ],
        "old_host_logins": None if users is None else {
            "looked": at.isoformat(timespec="seconds") if at else None,
            "still": sum(one.still for one in users),
            "mailboxes": [one.as_json() for one in users],
        },
    }  # fmt: skip


def shown_usage(session: Session, tenant_id: int) -> dict[str, Any] | None:
    """The usage report, with what was agreed on it (None: nothing yet)."""
    found, agreed = get(session, tenant_id, Kind.USAGE), get(session, tenant_id, Kind.AGREED)
    if found is None:
        return None
    return {
        **found.content, "at": found.at.isoformat(timespec="seconds"),
        "agreed": {**agreed.content, "at": agreed.at.isoformat(timespec="seconds")} if agreed else None,
    }  # fmt: skip


def agreed(session: Session, tenant_id: int) -> usage.Plan | None:
    """What the customer is to have, as it agreed."""
    row = get(session, tenant_id, Kind.AGREED)
    return usage.Plan(**{name: row.content[name] for name in usage.Plan.__annotations__}) if row else None


def note_verification(plane: ControlPlane, session: Session, tenant_id: int, attempt: int, found: Verification) -> None:
    """All probes of the last round before the move counts as verified."""
    content = {
        "attempt": attempt,
        "green_since": found.green_since.isoformat(timespec="seconds") if found.green_since else None,
        "probes": [vars(probe) for probe in found.probes],
    }
    put(plane, session, tenant_id, Kind.VERIFICATION, content)


def shown_verification(session: Session, tenant_id: int, attempt: int) -> dict[str, Any] | None:
    """The report of this attempt's verification."""
    row = get(session, tenant_id, Kind.VERIFICATION)
    if row is None or row.content["attempt"] != attempt:
        return None
    return {**row.content, "at": row.at.isoformat(timespec="seconds")}
