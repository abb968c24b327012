"""The pretend tenant's 25, 465 and 587."""

import time
from collections.abc import Callable

from tests.unit.check.lines import Peer
from tests.unit.check.tenant import HOST, PretendTenant


def smtp_talk(tenant: PretendTenant, port: int) -> Callable[[Peer], None]:
    def talk(peer: Peer) -> None:
        if tenant.faults.hangs_on == port:
            time.sleep(30)
        if tenant.faults.hangs_up_on == port:
            return
        peer.say(f"220 {HOST} ESMTP")
        sender_known, recipient, logged_in = False, "", False
        while True:
            verb, _, rest = peer.hear().partition(" ")
            match verb.upper():
                case "STARTTLS" | "MAIL" if tenant.faults.filter_is_down:
                    peer.say("454 4.3.0 Try again later")
                case "EHLO":
                    for line in offers(tenant, peer, port):
                        peer.say(line)
                case "STARTTLS":
                    peer.say("220 go ahead")
                    peer.encrypt()
                case "AUTH":
                    logged_in = tenant.login_is_right(rest.split()[1])
                    refusal = " ".join(tenant.faults.login or ("535", "5.7.8 authentication failed"))
                    peer.say("235 2.7.0 ok" if logged_in else refusal)
                case "MAIL":
                    sender_known = peer.encrypted or port == 25 or tenant.faults.mail_in_clear
                    peer.say("250 2.1.0 ok" if sender_known else "530 5.7.0 Must issue a STARTTLS command first")
                case "RCPT":
                    recipient = rest.partition(":")[2].strip("<> ")
                    peer.say(recipient_answer(tenant, logged_in))
                case "DATA":
                    peer.say("354 go on")
                    lines = []
                    while (line := peer.hear()) != ".":
                        lines.append(line)
                    peer.say("250 2.0.0 queued")
                    tenant.submitted("\r\n".join(lines).encode(), recipient)
                case "QUIT":
                    peer.say("221 bye")
                    return
                case _:
                    peer.say("250 ok")

    return talk


def offers(tenant: PretendTenant, peer: Peer, port: int) -> list[str]:
    words = [HOST]
    if not peer.encrypted:
        words.append("STARTTLS")
    if (port == 25 and tenant.faults.auth_on_25) or (port != 25 and (peer.encrypted or tenant.faults.auth_in_clear)):
        words.append("AUTH PLAIN LOGIN")
    return [f"250-{word}" for word in words[:-1]] + [f"250 {words[-1]}"]


def recipient_answer(tenant: PretendTenant, logged_in: bool) -> str:
    if not logged_in:
        return tenant.faults.relay
    if tenant.faults.defers:
        tenant.faults.defers -= 1
        return "451 4.7.1 try again"
    return tenant.faults.refuses_mail or "250 2.1.5 ok"
