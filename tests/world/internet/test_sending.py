"""Mail that the outside sends: looked up, encrypted, signed, with every reply kept."""

import pytest

from tests.world.internet.mails import mail, token
from tests.world.internet.pretend import DOMAIN, HOST, PretendTenant
from world import World
from world.outside import OutsideError, OutsideMx, Say

READER, JO = f"reader@{DOMAIN}", "jo@elsewhere.test"


def test_mail_from_outside_arrives_signed_and_passes(tenant: PretendTenant, outside: OutsideMx) -> None:
    subject = token()
    [delivery] = outside.send(mail(JO, READER, subject), sender=JO, recipients=[READER])
    assert (delivery.accepted, delivery.code, delivery.host, delivery.phase) == (True, 250, HOST, "data")
    assert delivery.tls in ("TLSv1.2", "TLSv1.3")
    got = tenant.mail.wait_for(READER, subject, 10)
    assert got.verdicts.all_pass, got.verdicts
    assert got.client.ptr == "mx.elsewhere.test"


def test_one_refused_recipient_does_not_stop_the_other(tenant: PretendTenant, outside: OutsideMx) -> None:
    tenant.mail.refuse(f"gone@{DOMAIN}", "550 5.1.1 no such user")
    people = [f"gone@{DOMAIN}", READER]
    gone, good = outside.send(mail(JO, READER, token()), sender=JO, recipients=people)
    tenant.mail.no_faults()
    assert (gone.accepted, gone.code, gone.phase, gone.text) == (False, 550, "rcpt", "5.1.1 no such user")
    assert good.accepted


@pytest.mark.parametrize(
    ("recipient", "words"),
    [
        ("a@refused.test", "refused"),
        ("a@nullmx.test", "takes no mail"),
        ("a@nobody.test", "no address for mail"),
        ("a@dead.test", "No route|timed out"),
    ],
)
def test_mail_that_cannot_leave_says_why(outside: OutsideMx, recipient: str, words: str) -> None:
    [delivery] = outside.send(mail(JO, recipient, token()), sender=JO, recipients=[recipient])
    assert (delivery.accepted, delivery.code, delivery.phase) == (False, 0, "connect")
    assert any(word in delivery.text for word in words.split("|")), delivery.text


def test_forged_mail_can_be_sent_for_tests(tenant: PretendTenant, outside: OutsideMx) -> None:
    subject = token()
    boss = "boss@unlisted.test"
    outside.send(mail(boss, READER, subject), sender=boss, recipients=[READER], sign=None)
    verdicts = tenant.mail.wait_for(READER, subject, 10).verdicts
    assert (verdicts.spf.result, verdicts.dkim_result, verdicts.dmarc.result) == ("fail", "none", "fail")


def test_a_raw_dialogue_tells_every_code(tenant: PretendTenant, outside: OutsideMx) -> None:
    steps = [
        Say(),
        Say(b"MAIL FROM:<a@b.test>\r\n"),
        Say(b"EHLO x\r\n"),
        Say(b"STARTTLS\r\n", starttls=True),
        Say(b"EHLO x\r\n"),
        Say(b"NOOP\r\nNOOP\r\n", replies=3, wait=1.0),
        Say(b"QUIT\r\n"),
    ]
    answers = outside.dialogue(HOST, steps)
    assert [answer.codes for answer in answers] == [(220,), (503,), (250,), (220,), (250,), (250, 250), (221,)]
    assert "STARTTLS" in answers[2].replies[0].text
    assert "STARTTLS" not in answers[4].replies[0].text


def test_nothing_is_ever_sent_out_of_the_world(world: World, outside: OutsideMx) -> None:
    with pytest.raises(OutsideError, match="not in the simulated internet"):
        outside.dialogue("192.0.2.1", [Say()])
