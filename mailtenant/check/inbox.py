"""The probe's mailbox over IMAP: waits for a message, and takes away afterwards what the probe brought in."""

import imaplib
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from mailtenant.check.messages import Arrival, recognise

POLL_SECONDS = 0.25
FOLDERS = ("INBOX", "Junk")
# A probe's messages are small; a customer's in the same mailbox may not be, and need not be fetched.
_LARGEST = 1_000_000


@dataclass(frozen=True)
class Waited:
    """What came, in which folder, under which UID."""

    arrival: Arrival
    folder: str
    uid: bytes


def wait_for(
    client: imaplib.IMAP4, token: str, timeout: float, tick: Callable[[float], None] = lambda _: None
) -> Waited | None:
    """The message with the token, from INBOX, else from Junk; None when the time is over.

    `tick` gets the seconds so far.
    """
    begun, looked = time.monotonic(), dict.fromkeys(FOLDERS, 1)
    while (passed := time.monotonic() - begun) < timeout:
        tick(passed)
        for folder in FOLDERS:
            found, looked[folder] = _look(client, folder, token, looked[folder])
            if found:
                return found
        time.sleep(POLL_SECONDS)
    return None


def _look(client: imaplib.IMAP4, folder: str, token: str, first: int) -> tuple[Waited | None, int]:
    """The message, if it is among those from UID `first` on; and the UID to begin with next time."""
    status, _ = client.select(folder, readonly=True)
    if status != "OK":
        return None, first
    following = client.response("UIDNEXT")[1][0]
    # The server looks through the texts, so that a customer's mail in the same folder is not fetched.
    criteria = ("UID", f"{first}:*", "SINCE", _yesterday(), "SMALLER", str(_LARGEST), "TEXT", token)
    for uid in client.uid("SEARCH", *criteria)[1][0].split():
        arrival = recognise(fetch(client, uid), token)
        if arrival:
            return Waited(arrival, folder, uid), first
    return None, int(following or first)


def _yesterday() -> str:
    """Dates of arrival are in the server's time zone, so a day of reserve."""
    return str(imaplib.Time2Internaldate(time.time() - 86400))[1:12].strip().lstrip("0")


def fetch(client: imaplib.IMAP4, uid: bytes) -> bytes:
    """A whole message; the empty one when somebody deleted it just now."""
    for part in client.uid("FETCH", uid.decode("ascii"), "(BODY.PEEK[])")[1]:
        if isinstance(part, tuple):
            return bytes(part[1])
    return b""


def take_away(client: imaplib.IMAP4, found: Iterable[Waited]) -> None:
    """Delete just these messages (UID EXPUNGE, RFC 4315): others that are marked as deleted are not ours."""
    for one in found:
        if client.select(one.folder)[0] == "OK":
            uid = one.uid.decode("ascii")
            client.uid("STORE", uid, "+FLAGS.SILENT", r"(\Deleted)")
            client.uid("EXPUNGE", uid)
