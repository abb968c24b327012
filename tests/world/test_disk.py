"""A full disk: the tenant that filled it defers with 452 and loses nothing; its neighbour does not notice.

The queue gets a volume with a hard cap, as a host with XFS quotas or a volume per tenant gives it (docs/operations.md).
Here the engine's own driver mounts a tmpfs of 48 MiB in its place.
"""

import uuid
from collections.abc import Iterator

import pytest

from tests.world.tenants import RunningTenant, eventually, message


@pytest.fixture
def capped_queue(beta: RunningTenant) -> Iterator[RunningTenant]:
    volume = f"mt-{beta.label}-queue"
    text = beta.stack_file.read_text()
    # Postfix keeps twice the largest message free (queue_minfree): small messages for a small volume.
    beta.stack_file.write_text(text.replace("message_size_limit_mib: 50", "message_size_limit_mib: 5"))

    def swap(*options: str) -> None:
        beta.cli("down", beta.label)
        beta.docker("volume", "rm", volume)
        beta.docker("volume", "create", "--label", f"mailtenant.tenant={beta.label}", *options, volume)
        beta.up()

    try:
        swap("--opt", "type=tmpfs", "--opt", "device=tmpfs", "--opt", "o=size=48m")
        yield beta
    finally:
        beta.stack_file.write_text(text)
        swap()


def test_a_full_queue_defers_loses_nothing_and_leaves_the_neighbour_alone(
    alpha: RunningTenant, capped_queue: RunningTenant
) -> None:
    beta = capped_queue
    jo, before = beta.mailbox("jo"), uuid.uuid4().hex
    alpha_jo = alpha.mailbox("jo")

    def send(token: str) -> None:
        with beta.submission(jo) as client:
            client.send_message(message(jo.address, jo.address, token))

    eventually(lambda: send(before) is None, what="beta is up on the capped volume")
    beta.wait_for(jo, before)
    beta.execute(
        "smtp", "sh", "-c", "dd if=/dev/zero of=/var/spool/postfix/filler bs=1M 2>/dev/null; true", check=False
    )
    with beta.smtp() as client:
        client.ehlo()
        code, text = client.docmd("MAIL FROM:<friend@elsewhere.test> SIZE=2000")
    assert (code, text[:5]) == (452, b"4.3.1"), text

    token = uuid.uuid4().hex
    with alpha.submission(alpha_jo) as client:
        client.send_message(message(alpha_jo.address, alpha_jo.address, token))
    alpha.wait_for(alpha_jo, token)

    beta.execute("smtp", "rm", "/var/spool/postfix/filler")
    after = uuid.uuid4().hex
    eventually(lambda: send(after) is None, what="room again")
    beta.wait_for(jo, after)
    beta.wait_for(jo, before)
