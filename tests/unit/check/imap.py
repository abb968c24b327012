"""The pretend tenant's 993: the few IMAP commands that the check uses."""

import re
from collections.abc import Callable

from tests.unit.check.lines import Peer
from tests.unit.check.tenant import PretendTenant

FOLDERS = {"INBOX": "", "Drafts": r"\Drafts", "Junk": r"\Junk", "Sent": r"\Sent", "Trash": r"\Trash"}


def imap_talk(tenant: PretendTenant, port: int) -> Callable[[Peer], None]:
    def talk(peer: Peer) -> None:
        peer.say("* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] ready")
        folder = "INBOX"
        while True:
            tag, _, command = peer.hear().partition(" ")
            verb, _, rest = command.partition(" ")
            if verb == "UID":
                verb, _, rest = rest.partition(" ")
            match verb.upper():
                case "CAPABILITY":
                    peer.say("* CAPABILITY IMAP4rev1 AUTH=PLAIN")
                case "AUTHENTICATE":
                    peer.say("+ ")
                    if not tenant.login_is_right(peer.hear()):
                        peer.say(f"{tag} NO {imap_refusal(tenant)}")
                        continue
                case "SELECT" | "EXAMINE":
                    folder = rest.strip('"')
                    if folder not in tenant.folders:
                        peer.say(f"{tag} NO no such folder")
                        continue
                    peer.say(f"* {len(tenant.folders[folder])} EXISTS")
                    peer.say(f"* OK [UIDNEXT {tenant.next_uid}] next")
                case "LIST":
                    list_folders(tenant, peer)
                case "SEARCH":
                    peer.say("* SEARCH " + " ".join(search(tenant, folder, rest)))
                case "FETCH":
                    raw = tenant.folders[folder][int(rest.split()[0])]
                    peer.say(f"* 1 FETCH (UID {rest.split()[0]} BODY[] {{{len(raw)}}}".encode() + b"\r\n" + raw + b")")
                case "EXPUNGE":
                    del tenant.folders[folder][int(rest)]
                case "LOGOUT":
                    peer.say("* BYE")
            peer.say(f"{tag} OK done")

    return talk


def imap_refusal(tenant: PretendTenant) -> str:
    temporary = tenant.faults.login is not None and tenant.faults.login[0].startswith("4")
    return "[UNAVAILABLE] Temporary failure" if temporary else "[AUTHENTICATIONFAILED] Authentication failed."


def list_folders(tenant: PretendTenant, peer: Peer) -> None:
    for name, use in FOLDERS.items():
        if name != tenant.faults.missing_folder:
            subscribed = "" if name == tenant.faults.unsubscribed_folder else r"\Subscribed"
            peer.say(f'* LIST ({" ".join(filter(None, (subscribed, use)))}) "/" {name}')


def search(tenant: PretendTenant, folder: str, criteria: str) -> list[str]:
    """Messages from a UID on that hold a text."""
    asked = re.fullmatch(r'UID (\d+):\* SINCE \d{1,2}-[A-Z][a-z]{2}-\d{4} SMALLER \d+ TEXT "?([^"]+)"?', criteria)
    assert asked, criteria
    found = tenant.folders[folder].items()
    return [str(uid) for uid, raw in found if uid >= int(asked[1]) and asked[2].encode() in raw]
