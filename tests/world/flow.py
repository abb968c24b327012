"""Mail from outside by MX lookup, one message after the other, while something else happens."""

import threading
import uuid

from tests.world.tenants import Mailbox, RunningTenant, eventually, message
from world.outside import OutsideError, OutsideMx

WRITER = "writer@elsewhere.test"


class Flow:
    """`with Flow(outside, mailbox) as flow: …`. `accepted`: tokens of what a server took; `refused`: replies 5xx."""

    def __init__(self, outside: OutsideMx, recipient: Mailbox) -> None:
        self._outside, self._recipient = outside, recipient
        self.accepted: list[str] = []
        self.refused: list[str] = []
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "Flow":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._end.is_set():
            token, to = uuid.uuid4().hex, self._recipient.address
            try:
                (sent,) = self._outside.send(message(WRITER, to, token), sender=WRITER, recipients=[to])
            except (OutsideError, OSError):
                continue
            if sent.accepted:
                self.accepted.append(token)
            elif sent.code >= 500:
                self.refused.append(f"{sent.code} {sent.text}")
            self._end.wait(0.5)

    def nothing_is_lost(self, tenant: RunningTenant) -> None:
        """All that was accepted is there once, and nothing was refused for good."""
        assert not self.refused, self.refused[:3]
        assert self.accepted, "nothing was sent meanwhile"

        def all_there() -> bool:
            texts = b"\n".join(tenant.messages(self._recipient))
            return all(token.encode() in texts for token in self.accepted)

        eventually(all_there, what="all that was accepted")
        raw = tenant.messages(self._recipient)
        assert all(sum(token.encode() in text for text in raw) == 1 for token in self.accepted), "something came twice"
