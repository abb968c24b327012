"""Postfix's maps in memory: made of what the database gives out, believed only while it lives (decision 0039)."""

import imaplib
import smtplib
import uuid
from typing import Final

from tests.world.tenants import RunningTenant, eventually, message

FOREIGN: Final = "friend@dead.test"


def in_memory(tenant: RunningTenant, kind: str, key: str) -> str:
    """What the map in memory answers, empty for nothing; the database is not asked."""
    return tenant.execute("smtp", "postmap", "-q", key, f"lmdb:/run/lookups/{kind}", check=False).strip()


def known(tenant: RunningTenant, kind: str, key: str, value: str) -> None:
    eventually(lambda: in_memory(tenant, kind, key) == value, seconds=30, what=f"{kind}: {key} in memory")


def rcpt(tenant: RunningTenant, address: str) -> int:
    with tenant.smtp() as client:
        client.ehlo()
        client.mail(FOREIGN)
        return client.rcpt(address)[0]


def test_every_kind_of_answer_is_the_database_s_own(alpha: RunningTenant) -> None:
    jo, ann = alpha.mailbox("jo"), alpha.mailbox("ann")
    alpha.cli("alias", "add", alpha.label, "both@alpha.test", jo.address, ann.address)
    known(alpha, "aliases", "both@alpha.test", f"{ann.address}, {jo.address}")
    known(alpha, "logins", "both@alpha.test", f"{ann.address},{jo.address}")
    maps = {
        "domains": "virtual_mailbox_domains",
        "mailboxes": "virtual_mailbox_maps",
        "aliases": "virtual_alias_maps",
        "logins": "smtpd_sender_login_maps",
    }
    for kind, name in maps.items():
        for key in ("alpha.test", jo.address, "both@alpha.test", "abuse@alpha.test", "nobody-here@alpha.test"):
            asked = alpha.execute("smtp", "postmap", "-q", key, f"pgsql:/etc/postfix/maps/{name}.cf", check=False)
            given = in_memory(alpha, kind, key)
            assert given.replace(", ", ",").split(",") == sorted(asked.strip().split(",")), (kind, key)


def test_what_is_removed_is_gone_within_seconds(alpha: RunningTenant) -> None:
    jo = alpha.mailbox("jo")
    alpha.cli("alias", "add", alpha.label, "short-lived@alpha.test", jo.address)
    known(alpha, "logins", "short-lived@alpha.test", jo.address)
    assert rcpt(alpha, "short-lived@alpha.test") == 250
    alpha.cli("alias", "remove", alpha.label, "short-lived@alpha.test")
    eventually(lambda: rcpt(alpha, "short-lived@alpha.test") == 550, seconds=30, what="the alias is unknown")

    def refused() -> bool:
        with alpha.submission(jo) as client:
            client.mail("short-lived@alpha.test")
            return client.rcpt(FOREIGN)[0] == 553

    eventually(refused, seconds=30, what="no right to send as the alias")


def test_a_new_mailbox_s_mail_never_goes_to_the_catch_all(alpha: RunningTenant) -> None:
    """The very next message after `mailbox add`: what the maps do not have is asked for before `@domain` is tried."""
    catcher = alpha.mailbox("catcher", "alpha-two.test")
    if in_memory(alpha, "aliases", "@alpha-two.test") != catcher.address:
        alpha.cli("alias", "add", alpha.label, "@alpha-two.test", catcher.address)
    known(alpha, "aliases", "@alpha-two.test", catcher.address)
    token = uuid.uuid4().hex
    for number, tag in enumerate(("", "+tag")):
        name = f"new{number}-{token[:8]}"
        alpha.mailbox(name, "alpha-two.test")
        target = f"{name}{tag}@alpha-two.test"
        with alpha.smtp() as client:
            client.ehlo()
            client.sendmail(FOREIGN, [target], message(FOREIGN, target, f"{token}-{number}").as_bytes())
        alpha.wait_for(alpha.mailboxes[f"{name}@alpha-two.test"], f"{token}-{number}")
    assert not [seen for seen in alpha.messages(catcher) if token.encode() in seen]


def test_a_database_that_is_killed_takes_its_answers_along(alpha: RunningTenant) -> None:
    """Also the good ones: 451 for everybody, as without maps in memory."""
    jo = alpha.mailbox("jo")
    known(alpha, "mailboxes", jo.address, jo.address)
    alpha.docker("kill", alpha.container("database"))
    try:
        eventually(lambda: in_memory(alpha, "mailboxes", jo.address) == "", seconds=30, what="the map is empty")
        assert rcpt(alpha, jo.address) == 451
    finally:
        alpha.docker("start", alpha.container("database"))
        alpha.healthy("database")
    known(alpha, "mailboxes", jo.address, jo.address)
    eventually(lambda: rcpt(alpha, jo.address) == 250, seconds=30, what="mail is taken again")


def test_a_standing_session_that_ends_alone_does_the_same(alpha: RunningTenant) -> None:
    jo = alpha.mailbox("jo")
    known(alpha, "mailboxes", jo.address, jo.address)
    first = alpha.execute("database", "head", "-n1", "/run/owners/lookups.map")
    sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'mailtenant operator'"
    alpha.execute("database", "psql", "-h", "/run/postgresql", "-U", "postgres", "-d", "mail", "-Atc", sql)
    eventually(
        lambda: (
            alpha.execute("database", "cat", "/run/owners/lookups.map", check=False)[: len(first)] not in ("", first)
        ),
        seconds=30,
        what="a map of the new session",
    )
    known(alpha, "mailboxes", jo.address, jo.address)
    assert rcpt(alpha, jo.address) == 250


def test_a_helper_that_is_killed_leaves_no_answers_behind(alpha: RunningTenant) -> None:
    jo = alpha.mailbox("jo")
    known(alpha, "mailboxes", jo.address, jo.address)
    # By its command line as the kernel has it (the image has no pkill); the pattern does not match itself.
    kill = """
        for p in /proc/[0-9]*; do
            tr '\\0' ' ' <$p/cmdline | grep -q '[l]ookups follow' && kill -KILL ${p#/proc/} && echo done
        done
    """
    assert "done" in alpha.execute("smtp", "sh", "-c", kill, check=False)
    known(alpha, "mailboxes", jo.address, jo.address)
    alpha.cli("alias", "add", alpha.label, f"after-{uuid.uuid4().hex[:8]}@alpha.test", jo.address)
    assert rcpt(alpha, jo.address) == 250


def test_readers_see_the_old_map_or_the_new_one_never_half(alpha: RunningTenant) -> None:
    """One of 20,001 keys is found at each of many looks, while the map is made anew without pause."""
    script = """
        mkdir /run/try && cd /run/try
        i=0
        while [ $i -lt 20000 ]; do i=$((i + 1)); echo "u$i@alpha.test u$i@alpha.test"; done >m
        echo 'fixed@alpha.test yes' >>m
        postmap lmdb:/run/try/m
        while [ ! -e stop ]; do postmap lmdb:/run/try/m; done &
        i=0
        while [ $i -lt 200 ]; do i=$((i + 1)); postmap -q fixed@alpha.test lmdb:/run/try/m || echo missed; done
        touch stop
        wait
        rm -r /run/try
    """
    assert alpha.execute("smtp", "sh", "-c", script).split() == ["yes"] * 200


def test_an_old_copy_of_a_session_before_is_not_believed(alpha: RunningTenant) -> None:
    """The volume keeps the file over restarts; the lock is what counts."""
    jo = alpha.mailbox("jo")
    known(alpha, "mailboxes", jo.address, jo.address)
    alpha.docker("stop", "-t", "5", alpha.container("database"))
    try:
        alpha.docker("restart", "-t", "5", alpha.container("smtp"))

        def answered() -> int:
            try:
                return rcpt(alpha, jo.address)
            except (OSError, smtplib.SMTPException):
                return 0

        assert eventually(answered, seconds=60, what="Postfix is back") == 451
    finally:
        alpha.docker("start", alpha.container("database"))
        alpha.healthy("database")
    eventually(lambda: rcpt(alpha, jo.address) == 250, seconds=60, what="mail is taken again")

    def logs_in() -> bool:
        try:
            with alpha.imap(jo) as client:
                return client.noop()[0] == "OK"
        except (OSError, imaplib.IMAP4.error):
            return False

    # Dovecot opens its connection anew after a pause; the next test wants it to be there.
    eventually(logs_in, seconds=60, what="logins are taken again")
