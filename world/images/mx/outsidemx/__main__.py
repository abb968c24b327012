"""Puts the parts together and serves until the container is stopped."""

import logging
import signal
import subprocess
import sys
import threading

from outsidemx import api, receiving, resolving, settings
from outsidemx.echo import Echo
from outsidemx.faults import Faults
from outsidemx.sending import Sender
from outsidemx.store import Facts, Store

LOG = logging.getLogger("outsidemx")


def public_key(place: settings.Settings) -> str:
    """The public half of the signing key as one line of base64."""
    pem = subprocess.run(
        ["openssl", "pkey", "-in", str(place.dkim_key), "-pubout"], check=True, capture_output=True, text=True
    ).stdout
    return "".join(line for line in pem.splitlines() if not line.startswith("-----"))


def main() -> None:
    logging.basicConfig(level=logging.WARNING, stream=sys.stdout, format="%(levelname)s %(name)s %(message)s")
    LOG.setLevel(logging.INFO)
    place = settings.from_environment()
    resolving.install(place.dns)
    store, faults, sender = Store(place.state / "messages"), Faults(), Sender(place)
    echo = Echo(place, sender)
    echo.start()

    def arrived(facts: Facts, raw: bytes) -> None:
        verdicts = facts["verdicts"]
        LOG.info(
            "kept %s from <%s> to %s: spf=%s dkim=%s dmarc=%s",
            facts["id"],
            facts["sender"],
            facts["recipients"],
            verdicts["spf"]["result"],
            verdicts["dkim_result"],
            verdicts["dmarc"]["result"],
        )
        echo.arrived(facts, raw)

    listener = receiving.listen(place, receiving.Receiver(place, store, faults, arrived))
    http = api.server(api.Parts(place, store, faults, sender, echo, public_key(place)))
    # `shutdown` waits for the serving loop, so it must not run in the thread that serves.
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=http.shutdown).start())
    LOG.info("ready as %s", place.host)
    http.serve_forever()
    listener.stop()


if __name__ == "__main__":
    main()
