"""Each daemon's own checker is content with what was rendered, and a round trip leaves no warning in any log (36)."""

import re
import uuid

import pytest

from tests.world.tenants import RunningTenant, message
from world.outside import OutsideMx

CHECKERS = {
    "postfix check": ("smtp", ["postfix", "check"]),
    "no unknown Postfix parameter": ("smtp", ["sh", "-c", "postconf -n 2>&1 >/dev/null; postconf -M 2>&1 >/dev/null"]),
    "doveconf": ("imap", ["sh", "-c", "doveconf -n 2>&1 >/dev/null"]),
    "unbound-checkconf": ("resolver", ["unbound-checkconf", "-q", "/etc/unbound/mailtenant/unbound.conf"]),
    "nsd-checkconf": ("dns", ["nsd-checkconf", "/etc/nsd/mailtenant/nsd.conf"]),
}


@pytest.mark.parametrize("checker", sorted(CHECKERS))
def test_the_daemons_checker_says_nothing(alpha: RunningTenant, checker: str) -> None:
    service, command = CHECKERS[checker]
    done = alpha.docker("exec", alpha.container(service), *command)
    assert not (done.stdout + done.stderr).strip()


def test_rspamd_accepts_its_configuration(alpha: RunningTenant) -> None:
    done = alpha.docker(
        "exec", alpha.container("filter"), "rspamadm", "configtest", "-c", "/etc/rspamd/mailtenant/rspamd.conf"
    )
    assert "syntax OK" in done.stdout + done.stderr


def test_a_round_trip_leaves_no_warning_in_the_mail_daemons_logs(alpha: RunningTenant, outside: OutsideMx) -> None:
    jo, token = alpha.mailbox("jo"), uuid.uuid4().hex
    before = {service: len(alpha.logs(service)) for service in ("smtp", "imap", "database", "resolver", "dns")}
    with alpha.submission(jo) as client:
        client.send_message(message(jo.address, "reader@elsewhere.test", token))
    outside.wait_for("reader@elsewhere.test", token)
    outside.send(
        message("friend@elsewhere.test", jo.address, token), sender="friend@elsewhere.test", recipients=[jo.address]
    )
    alpha.wait_for(jo, token)
    for service, length in before.items():
        new = alpha.logs(service)[length:]
        assert not re.findall(r"(?im)^.*\b(?:warning|error|fatal|panic)\b.*$", new), service
