"""The pretend tenant's 4190."""

from collections.abc import Callable

from tests.unit.check.lines import Peer
from tests.unit.check.tenant import PretendTenant


def sieve_talk(tenant: PretendTenant, port: int) -> Callable[[Peer], None]:
    def capabilities(peer: Peer) -> None:
        peer.say('"IMPLEMENTATION" "Pretend Pigeonhole"')
        peer.say(b'"SIEVE" {8}\r\nfileinto')
        peer.say('OK "ready"')

    def talk(peer: Peer) -> None:
        capabilities(peer)
        while True:
            words = peer.hear().split()
            if words[0] == "STARTTLS":
                peer.say("OK")
                peer.encrypt()
                capabilities(peer)
            elif words[0] == "AUTHENTICATE":
                peer.say("OK" if tenant.login_is_right(words[2].strip('"')) else 'NO "Authentication failed."')

    return talk
