"""A sender that kills itself, as a program: `killed_sender.py URL FOLDER RELAY WHEN`; WHEN: before | after the relay
has taken the mail. Its end is SIGKILL: nothing is tidied up."""

import os
import signal
import sys
from pathlib import Path

from mailtenant.control.channels import MailChannel
from mailtenant.control.outbox import MAIL
from mailtenant.control.sender import Letter, Sender
from tests.unit.control.planes import plane_for


def main(url: str, folder: str, relay: str, when: str) -> None:
    plane = plane_for(url, Path(folder), relay_url=relay)
    channel = MailChannel(plane)

    def deliver(letter: Letter) -> None:
        if when == "after":
            channel(letter)
        os.kill(os.getpid(), signal.SIGKILL)

    Sender(plane, {MAIL: deliver}, "killed").round()


if __name__ == "__main__":
    main(*sys.argv[1:])
