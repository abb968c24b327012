"""What the outside exchanger takes, and what it thinks of it. Mail comes from the pretend tenant's own address."""

import pytest

from tests.world.internet.mails import mail, token
from tests.world.internet.pretend import DOMAIN, HOST, PretendTenant
from world import World
from world.outside import OutsideMx, Received, Say

READER = "reader@elsewhere.test"


def deliver(tenant: PretendTenant, outside: OutsideMx, sender: str, author: str, **options: object) -> Received:
    subject = token()
    [delivery] = tenant.mail.send(mail(author, READER, subject), sender=sender, recipients=[READER], **options)  # type: ignore[arg-type]
    assert delivery.accepted, delivery
    return outside.wait_for(READER, subject, 10)


def test_mail_in_order_passes_everything(tenant: PretendTenant, outside: OutsideMx) -> None:
    got = deliver(tenant, outside, f"jo@{DOMAIN}", f"jo@{DOMAIN}")
    assert got.verdicts.all_pass, got.verdicts
    assert [(each.domain, each.selector, each.key_bits) for each in got.verdicts.dkim] == [(DOMAIN, "world", 2048)]
    dmarc = got.verdicts.dmarc
    assert (dmarc.spf_aligned, dmarc.dkim_aligned, dmarc.policy) == (True, True, "reject")


def test_the_peer_is_seen_as_it_is(tenant: PretendTenant, outside: OutsideMx) -> None:
    client = deliver(tenant, outside, f"jo@{DOMAIN}", f"jo@{DOMAIN}").client
    assert (client.address, client.ehlo, client.ptr, client.forward_confirmed) == (tenant.address, HOST, HOST, True)
    assert client.tls in ("TLSv1.2", "TLSv1.3")


def test_unencrypted_delivery_is_noted(tenant: PretendTenant, outside: OutsideMx) -> None:
    assert deliver(tenant, outside, f"jo@{DOMAIN}", f"jo@{DOMAIN}", tls=False).client.tls is None


def test_the_message_is_kept_byte_for_byte(tenant: PretendTenant, outside: OutsideMx) -> None:
    subject = token()
    raw = f"From: jo@{DOMAIN}\r\nSubject: {subject}\r\n\r\n.\r\n..two\r\n\xe4\xf6\r\n".encode("latin-1")
    tenant.mail.send(raw, sender=f"jo@{DOMAIN}", recipients=[READER], sign=None)
    assert outside.wait_for(READER, subject, 10).raw == raw


def test_mail_from_a_server_that_spf_does_not_list_fails(tenant: PretendTenant, outside: OutsideMx) -> None:
    verdicts = deliver(tenant, outside, "boss@strict.test", "boss@strict.test").verdicts
    assert (verdicts.spf.result, verdicts.dkim_result, verdicts.dmarc.result) == ("fail", "none", "fail")
    assert verdicts.dmarc.policy == "reject"


def test_a_signature_by_another_key_fails(tenant: PretendTenant, outside: OutsideMx) -> None:
    verdicts = deliver(tenant, outside, f"jo@{DOMAIN}", "boss@wrongkey.test", sign="wrongkey.test").verdicts
    assert verdicts.dkim_result in ("fail", "permerror")
    assert verdicts.dmarc.result == "fail"


def test_a_changed_body_breaks_the_signature(tenant: PretendTenant, outside: OutsideMx) -> None:
    good = deliver(tenant, outside, f"jo@{DOMAIN}", f"jo@{DOMAIN}")
    changed = good.raw.replace(b"Hello", b"Hullo")
    outside.clear()
    tenant.mail.send(changed, sender=f"jo@{DOMAIN}", recipients=[READER], sign=None)
    verdicts = outside.wait_for(READER, deadline=10).verdicts
    assert verdicts.dkim_result in ("fail", "permerror")
    assert (verdicts.spf.result, verdicts.dmarc.result) == ("pass", "pass"), "SPF alone carries DMARC"


def test_a_domain_without_a_policy_has_no_dmarc_result(tenant: PretendTenant, outside: OutsideMx) -> None:
    verdicts = deliver(tenant, outside, "someone@bare.test", "someone@bare.test").verdicts
    assert (verdicts.spf.result, verdicts.dmarc.result) == ("none", "none")


def test_a_stranger_under_the_same_top_level_is_not_aligned(tenant: PretendTenant, outside: OutsideMx) -> None:
    verdicts = deliver(tenant, outside, f"jo@{DOMAIN}", "boss@unlisted.test", sign=None).verdicts
    assert (verdicts.spf.result, verdicts.dmarc.spf_aligned, verdicts.dmarc.result) == ("pass", False, "fail")


def test_a_subdomain_is_aligned_and_takes_its_parents_policy(tenant: PretendTenant, outside: OutsideMx) -> None:
    verdicts = deliver(tenant, outside, f"jo@{DOMAIN}", f"jo@sub.{DOMAIN}", sign=DOMAIN).verdicts
    assert (verdicts.dmarc.result, verdicts.dmarc.policy) == ("pass", "reject")


def test_two_spf_records_are_a_permanent_error(tenant: PretendTenant, outside: OutsideMx) -> None:
    assert deliver(tenant, outside, "a@doublespf.test", "a@doublespf.test").verdicts.spf.result == "permerror"


def test_a_bounce_is_judged_by_its_ehlo_name(tenant: PretendTenant, outside: OutsideMx) -> None:
    spf = deliver(tenant, outside, "", f"mailer-daemon@{HOST}", sign=HOST).verdicts.spf
    assert (spf.result, spf.identity, spf.domain) == ("pass", "helo", HOST)


def test_strangers_mail_is_not_relayed(tenant: PretendTenant, world: World, outside: OutsideMx) -> None:
    commands = (b"EHLO pretend.test\r\n", b"MAIL FROM:<a@pretend.test>\r\n", b"RCPT TO:<b@pretend.test>\r\n")
    steps = [Say(), *(Say(command) for command in commands)]
    answers = tenant.mail.dialogue(world.layout.mx, steps)
    assert [answer.codes for answer in answers] == [(220,), (250,), (250,), (554,)]
    assert "AUTH" not in answers[1].replies[0].text


def test_only_what_was_asked_for_is_found_and_cleared(tenant: PretendTenant, outside: OutsideMx) -> None:
    first = deliver(tenant, outside, f"jo@{DOMAIN}", f"jo@{DOMAIN}")
    other = "other@elsewhere.test"
    tenant.mail.send(mail(f"jo@{DOMAIN}", other, token()), sender=f"jo@{DOMAIN}", recipients=[other])
    assert [each.id for each in outside.messages(READER, subject=first.subject)] == [first.id]
    assert outside.clear(other) == 1
    assert [each.id for each in outside.messages()] == [first.id]
    with pytest.raises(TimeoutError):
        outside.wait_for("nobody@elsewhere.test", deadline=0.3)
