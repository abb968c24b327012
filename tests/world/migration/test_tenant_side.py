"""The tenant's own system as a side of a migration: accounts, hold, restart, the way back."""

import imaplib
import smtplib

import pytest

from mailtenant.accounts.model import Alias, StoredMailbox
from mailtenant.migration.sides import CustomerAccounts, SideError
from mailtenant.shared_host import SharedHost
from mailtenant.tenant_side import TenantMail
from tests.world.migration import moving
from tests.world.migration.people import Shared
from tests.world.tenants import RunningTenant, eventually, message
from world.shared_host import SHARED_NAME

PEOPLE = [moving.login(box) for box in (moving.JO, moving.ANN, moving.BOB)]
JO = PEOPLE[0]

pytestmark = pytest.mark.usefixtures("opened")


def refused(tenant: RunningTenant, recipient: str) -> int:
    """The code that mail from outside meets on port 25."""
    with tenant.smtp() as client:
        return first_refusal(client, "someone@elsewhere.test", recipient)


def first_refusal(client: smtplib.SMTP, sender: str, recipient: str) -> int:
    """The reply to MAIL if that is refused already, else to RCPT."""
    client.ehlo_or_helo_if_needed()
    client.rset()
    code = client.mail(sender)[0]
    return code if code != 250 else client.rcpt(recipient)[0]


def test_old_passwords_work_after_the_import_which_may_be_repeated(
    own: TenantMail, host: SharedHost, tenant: RunningTenant
) -> None:
    accounts = host.accounts()
    own.import_accounts(accounts)
    assert own.accounts() == CustomerAccounts(
        tuple(sorted(accounts.mailboxes, key=lambda b: b.address)),
        tuple(sorted(accounts.aliases, key=lambda a: a.destination)),
    )
    for person in PEOPLE:
        with tenant.imap(person) as client:
            assert client.noop()[0] == "OK"


def test_an_account_that_does_not_fit_is_named_and_nothing_is_stored(own: TenantMail) -> None:
    before = own.accounts()
    wanted = CustomerAccounts((StoredMailbox("new@harbor.test", "{MD5-CRYPT}$1$abc$def", None, ""),), ())
    with pytest.raises(SideError, match=r"new@harbor.test: MD5-CRYPT is too weak") as refused:
        own.import_accounts(wanted)
    assert "$1$" not in str(refused.value)
    with pytest.raises(SideError, match="storage_gib"):
        own.import_accounts(
            CustomerAccounts(
                (StoredMailbox("big@harbor.test", None, 10**6, ""),), (Alias("x@harbor.test", "big@harbor.test"),)
            )
        )
    assert own.accounts() == before


def test_a_frozen_tenant_defers_mail_and_logins_also_after_a_restart(own: TenantMail, tenant: RunningTenant) -> None:
    assert own.admitted() == [f"imap @{moving.DOMAIN}", f"sieve @{moving.DOMAIN}"]
    with tenant.imap(JO) as session:
        own.freeze()
        own.freeze()
        assert own.frozen() and own.activity().quiet and own.admitted() == []
        with pytest.raises(imaplib.IMAP4.abort):
            session.noop()

    def deferred() -> bool:
        assert refused(tenant, JO.address) == 451
        with pytest.raises(imaplib.IMAP4.error, match="UNAVAILABLE"), tenant.imap(JO):
            pass
        for port in (465, 587):
            with tenant.submission(JO, port=port) as client:
                for to in (PEOPLE[1].address, "x@elsewhere.test"):
                    assert first_refusal(client, JO.address, to) == 451
        return True

    assert deferred()
    for service in ("database", "imap", "smtp"):
        tenant.docker("restart", tenant.container(service))
    for service in ("database", "imap", "smtp"):
        tenant.healthy(service)
    eventually(deferred, what="still frozen")
    own.thaw()
    assert refused(tenant, JO.address) == 250
    with tenant.imap(JO) as client:
        assert client.noop()[0] == "OK"


def test_mail_that_waits_goes_back_to_the_shared_host(
    own: TenantMail, host: SharedHost, tenant: RunningTenant, shared: Shared
) -> None:
    with tenant.submission(JO) as client:
        own.freeze()
        # Whoever was still logged in is told to come back as well.
        assert client.mail(JO.address)[0] // 100 in (2, 4)
        assert client.rcpt(PEOPLE[1].address)[0] // 100 == 4
    own.relay(SHARED_NAME)
    own.relay(SHARED_NAME)
    with tenant.smtp() as client:
        client.send_message(message("late@elsewhere.test", JO.address, "late-mx"))
    shared.wait_for(JO, "late-mx")
    with pytest.raises(imaplib.IMAP4.error, match="UNAVAILABLE"), tenant.imap(JO):
        pass
