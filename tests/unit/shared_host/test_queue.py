"""One customer's part of a queue that holds everybody's mail."""

import json

from mailtenant.shared_host.queue import Queued, queued


def entry(queue: str, id_: str, *recipients: tuple[str, str | None]) -> str:
    listed = [{"address": a, **({"delay_reason": why} if why else {})} for a, why in recipients]
    return json.dumps({"queue_name": queue, "queue_id": id_, "sender": "s@x.test", "recipients": listed})


def test_only_the_customers_recipients_count() -> None:
    text = "\n".join(
        [
            entry("deferred", "A1", ("jo@ACME.test", "held"), ("x@other.test", "busy")),
            entry("active", "A2", ("ann@acme.test", None)),
            entry("active", "A3", ("jo@sub.acme.test", None)),
            "postqueue: warning: something",
        ]
    )
    found = list(queued(text, ("acme.test",)))
    assert found == [Queued("deferred", "A1", ("held",)), Queued("active", "A2", ("",))]
    assert [message.under_way for message in found] == [False, True]
