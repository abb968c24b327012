"""One customer frozen, relayed and opened again on a host that goes on serving the others."""

import imaplib
import secrets
import smtplib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from mailtenant.accounts.passwords import hash_password
from mailtenant.migration.logins import at_old_host
from mailtenant.migration.sides import SideError
from mailtenant.shared_host import SharedHost
from mailtenant.shared_host.mailboxes import SharedMailboxes
from mailtenant.tenant_side import TenantMail
from tests.world.migration import moving
from tests.world.migration.people import Shared
from tests.world.tenants import Mailbox, RunningTenant, eventually, message
from world.outside import OutsideMx

JO, ANN = moving.login(moving.JO), moving.login(moving.ANN)
MAX = moving.login(moving.MAX, moving.OTHER)

pytestmark = pytest.mark.usefixtures("opened")


def outside_sends(outside: OutsideMx, to: str, token: str) -> tuple[int, str]:
    """The last reply that mail from elsewhere.test met."""
    sender = f"{token}@elsewhere.test"
    [delivery] = outside.send(message(sender, to, token), sender=sender, recipients=[to])
    return delivery.code, delivery.text


@contextmanager
def neighbour_sends_all_the_time(shared: Shared) -> Iterator[list[str]]:
    """The other customer's own mail, one after the other; what failed is in the list, which must stay empty."""
    run = secrets.token_hex(4)
    stop, failures, sent = threading.Event(), [], []  # type: ignore[var-annotated]

    def work() -> None:
        while not stop.is_set():
            token = f"steady-{run}-{len(sent)}"
            try:
                shared.send(MAX, MAX.address, token)
                sent.append(token)
            except (OSError, smtplib.SMTPException) as error:
                failures.append(repr(error))

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield failures
    finally:
        stop.set()
        thread.join()
    assert sent
    for token in (sent[0], sent[-1]):
        shared.wait_for(MAX, token)


def test_accounts_are_read_with_hashes_quotas_and_aliases(host: SharedHost) -> None:
    found = host.accounts()
    assert {box.address: box.quota_mib for box in found.mailboxes} == {
        JO.address: 300, ANN.address: 200, f"bob@{moving.DOMAIN}": None,
    }  # fmt: skip
    assert all(box.password_hash and box.password_hash.startswith("{") for box in found.mailboxes)
    assert {(alias.address, alias.destination) for alias in found.aliases} == {
        (f"sales@{moving.DOMAIN}", JO.address), (f"sales@{moving.DOMAIN}", ANN.address),
    }  # fmt: skip
    assert "$" not in repr(found)


def test_a_freeze_holds_mail_denies_logins_and_leaves_the_neighbour_alone(
    host: SharedHost, shared: Shared, outside: OutsideMx
) -> None:
    held = [f"held-{secrets.token_hex(4)}" for _ in range(3)]
    with neighbour_sends_all_the_time(shared) as failures, shared.imap(JO) as session:
        host.freeze()
        host.freeze()
        with host.copy_access(moving.ADDRESSES) as access:
            assert access.frozen
        assert host.activity().quiet and host.admitted() == []
        with pytest.raises(imaplib.IMAP4.abort):
            session.noop()
        with pytest.raises(imaplib.IMAP4.error, match="UNAVAILABLE"), shared.imap(JO):
            pass
        with shared.submission(JO) as client:
            client.mail(JO.address)
            assert client.rcpt(MAX.address)[0] == 450
        code, reply = outside_sends(outside, JO.address, "from-outside")
        assert code == 450 and "4.3.2" in reply
        # Other customers' mail is taken: straight, by an alias of ours, and by an alias of theirs.
        for token, to in (
            (held[0], JO.address),
            (held[1], f"sales@{moving.DOMAIN}"),
            (held[2], "friends@island.test"),
        ):
            shared.send(MAX, to, token)
        eventually(lambda: host.activity().held == 3, what="three mails held")
        assert host.activity().quiet
        shared.wait_for(MAX, held[2])  # the neighbour's share of the alias is not held
        host.thaw()
        host.thaw()
    assert failures == []
    for token in held:
        shared.wait_for(JO, token)
    shared.wait_for(ANN, held[1])
    with host.copy_access(moving.ADDRESSES) as access:
        assert not access.frozen
    assert host.activity().held == 0
    assert outside_sends(outside, JO.address, "after")[0] == 250


def test_a_mailbox_is_made_changed_and_removed_for_a_customer_that_has_not_moved(
    host: SharedHost, shared: Shared, outside: OutsideMx
) -> None:
    accounts = SharedMailboxes(host.runner, host.domains)
    carl, token = Mailbox(f"carl@{moving.DOMAIN}", "a password of carl"), f"carl-{secrets.token_hex(4)}"
    others = accounts.names()
    assert outside_sends(outside, carl.address, token)[0] == 550
    accounts.add(carl.address, "Carl: Coe", hash_password(carl.password))
    assert accounts.names() == {**others, carl.address: "Carl  Coe"}
    # Postfix's processes take new tables "at their earliest convenience", so here and below it is asked until it holds.
    assert eventually(lambda: outside_sends(outside, carl.address, token)[0] == 250, what="the new mailbox to get mail")
    shared.wait_for(carl, token)
    shared.send(carl, JO.address, token)
    shared.wait_for(JO, token)
    with shared.imap(carl) as session:
        accounts.set_password(carl.address, hash_password("another password of carl"))
        with pytest.raises(imaplib.IMAP4.abort):
            session.noop()
    with pytest.raises(imaplib.IMAP4.error, match="AUTHENTICATIONFAILED"), shared.imap(carl):
        pass
    with shared.imap(Mailbox(carl.address, "another password of carl")) as session:
        assert session.noop()[0] == "OK"
    folder = f"/var/vmail/{moving.DOMAIN}/carl"
    assert not host.runner.run(["test", "-d", folder]).code
    accounts.remove(carl.address, delete_mail=True)
    assert accounts.names() == others and host.runner.run(["test", "-e", folder]).code == 1
    assert eventually(lambda: outside_sends(outside, carl.address, token)[0] == 550, what="mail to it to be refused")


def test_tables_that_the_servers_do_not_read_are_found_out_by_logins(host: SharedHost) -> None:
    domain = moving.DOMAIN
    assert host.admitted() == [f"{service} @{domain}" for service in ("imap", "pop3", "sieve")]
    host.freeze()
    assert host.admitted() == []
    # As if this host's Dovecot looked for denials elsewhere.
    assert not host.runner.run(["rm", f"{host.paths.move}/denied/imap/{domain}"]).code
    assert host.admitted() == [f"imap @{domain}"]


def test_a_relay_sends_held_and_late_mail_to_the_new_host_which_judges_addresses(
    host: SharedHost, own: TenantMail, shared: Shared, outside: OutsideMx, tenant: RunningTenant
) -> None:
    token = f"held-{secrets.token_hex(4)}"
    with neighbour_sends_all_the_time(shared) as failures:
        host.freeze()
        shared.send(MAX, JO.address, token)
        eventually(lambda: host.activity().held == 1, what="one mail held")
        host.relay(tenant.settings.host)
        host.relay(tenant.settings.host)
        tenant.wait_for(JO, token, seconds=120)
        tenant.cli("mailbox", "add", moving.LABEL, "fresh@harbor.test", "--generate")
        try:
            # The MX record still leads to the old host.
            late = eventually(
                lambda: (answer := outside_sends(outside, "fresh@harbor.test", "late"))[0] == 250 and answer,
                seconds=120,
            )
            assert late[0] == 250
            unknown = eventually(
                lambda: (answer := outside_sends(outside, "nobody@harbor.test", "x"))[0] == 550 and answer, seconds=120
            )
            assert unknown[0] == 550
        finally:
            tenant.cli("mailbox", "remove", moving.LABEL, "fresh@harbor.test", "--yes", check=False)
        with pytest.raises(imaplib.IMAP4.error, match="UNAVAILABLE"), shared.imap(JO):
            pass
        host.thaw()
    assert failures == []
    with shared.imap(JO) as client:
        assert client.noop()[0] == "OK"


def test_who_logs_in_is_read_from_the_log_before_and_after_the_customer_is_denied(
    host: SharedHost, shared: Shared
) -> None:
    began = datetime.now(UTC) - timedelta(seconds=1)
    with shared.imap(JO) as client:
        client.noop()
    shared.send(ANN, JO.address, f"count-{secrets.token_hex(4)}")
    with shared.imap(MAX) as client:
        client.noop()

    def seen(let_in: bool) -> set[tuple[str, str]]:
        found = [one for one in host.log().logins if one.at >= began.replace(microsecond=0)]
        assert MAX.address not in {one.address for one in found}
        return {(one.address, one.service) for one in found if one.let_in is let_in}

    eventually(lambda: {(JO.address, "imap"), (ANN.address, "smtp")} <= seen(True), what="both logins in the log")
    host.freeze()
    cut = datetime.now(UTC)
    with pytest.raises(imaplib.IMAP4.error, match="UNAVAILABLE"), shared.imap(JO):
        pass
    with shared.submission(ANN) as smtp:
        smtp.mail(ANN.address)
        assert smtp.rcpt(JO.address)[0] == 450
    eventually(lambda: {(JO.address, "imap"), (ANN.address, "smtp")} <= seen(False), what="both refusals in the log")
    # The log has whole seconds.
    still = at_old_host(host.log().logins, cut.replace(microsecond=0) - timedelta(seconds=1), datetime.now(UTC))
    assert {one.address for one in still if one.still and one.known} == {JO.address, ANN.address}
    assert not [one for one in at_old_host(host.log().logins, cut, cut + timedelta(days=2)) if one.still]


def test_usage_is_counted_for_the_proposed_size(host: SharedHost, shared: Shared) -> None:
    token = f"usage-{secrets.token_hex(4)}"
    before = host.usage()
    shared.send(JO, ANN.address, token)
    shared.wait_for(ANN, token)
    after = host.usage()
    assert (after.mailboxes, after.domains) == (3, 1)
    assert after.octets > before.octets
    totals = [sum(day.received + day.sent for day in one.days) for one in (before, after)]
    assert totals[1] == totals[0] + 2  # handed in, and put into a mailbox
    assert after.mails_a_day is not None


def test_a_log_elsewhere_is_named_with_the_setting(host: SharedHost) -> None:
    with pytest.raises(SideError, match="MAILTENANT_MIGRATE_SHARED_LOG"):
        replace(host, paths=replace(host.paths, log="/var/log/none")).log()
