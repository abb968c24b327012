"""echo@elsewhere.test answers people with its verdict, and never a machine."""

import json

import pytest

from tests.world.internet.mails import mail, token
from tests.world.internet.pretend import DOMAIN, PretendTenant
from world.outside import OutsideMx, verdicts

ECHO, JO = "echo@elsewhere.test", f"jo@{DOMAIN}"


def test_the_answer_holds_the_verdict_and_passes_itself(tenant: PretendTenant, outside: OutsideMx) -> None:
    subject = token()
    sent = mail(JO, ECHO, subject)
    tenant.mail.send(sent, sender=JO, recipients=[ECHO])
    answer = tenant.mail.wait_for(JO, f"Echo: {subject}", 20)
    assert answer.verdicts.all_pass, answer.verdicts
    assert answer.message["In-Reply-To"] == sent["Message-ID"]
    body = json.loads(answer.message.get_content())
    assert verdicts(body["verdicts"]).all_pass
    assert body["client"]["address"] == tenant.address
    line = " ".join(answer.message["X-Echo-Authentication-Results"].split())
    assert line == (
        f"mx.elsewhere.test; spf=pass smtp.mailfrom={DOMAIN}; dkim=pass header.d={DOMAIN} header.s=world; "
        f"dmarc=pass (p=reject) header.from={DOMAIN}"
    )


def test_a_failing_verdict_is_told_too(tenant: PretendTenant, outside: OutsideMx) -> None:
    subject = token()
    tenant.mail.send(mail(JO, ECHO, subject), sender=JO, recipients=[ECHO], sign=None)
    answer = tenant.mail.wait_for(JO, f"Echo: {subject}", 20)
    assert verdicts(json.loads(answer.message.get_content())["verdicts"]).dkim_result == "none"


def test_the_answer_is_tried_again_while_the_tenant_defers(tenant: PretendTenant, outside: OutsideMx) -> None:
    subject = token()
    tenant.mail.refuse(JO, "451 4.3.0 not now", times=1)
    tenant.mail.send(mail(JO, ECHO, subject), sender=JO, recipients=[ECHO])
    assert tenant.mail.wait_for(JO, f"Echo: {subject}", 20)


@pytest.mark.parametrize(
    ("sender", "headers"),
    [("", {}), (JO, {"Auto_Submitted": "auto-replied"}), (JO, {"Precedence": "bulk"}), (ECHO, {})],
)
def test_machines_get_no_answer(
    tenant: PretendTenant, outside: OutsideMx, sender: str, headers: dict[str, str]
) -> None:
    silent, asked = token(), token()
    tenant.mail.send(mail(JO, ECHO, silent, **headers), sender=sender, recipients=[ECHO])
    tenant.mail.send(mail(JO, ECHO, asked), sender=JO, recipients=[ECHO])
    tenant.mail.wait_for(JO, f"Echo: {asked}", 20)
    assert not tenant.mail.messages(subject=f"Echo: {silent}")
    assert not outside.messages(subject=f"Echo: {silent}")
