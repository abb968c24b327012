"""Steps that need no mailbox: connections, certificate, and what a stranger must not be able to do."""

import smtplib
import socket
import ssl
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from mailtenant.check.failures import CheckFailed, CheckSkipped, explain, temporary_fix, words
from mailtenant.check.place import PORTS, Place
from mailtenant.check.state import Check

# Below this many days a renewal has failed, for it would have come earlier.
FEWEST_DAYS = 7
# A domain that exists for examples only (RFC 2606); mail to it must not be taken from strangers.
STRANGERS_RECIPIENT = "relay-probe@example.com"


def ports_answer(check: Check) -> str:
    """Every port of the tenant takes connections, and the service behind it says something; by IPv6 as well, where the
    tenant has it and this machine, too.
    """
    failures = _silent_ports(check.place)
    check.silent.update(failures)
    also6 = ""
    if check.place.address6 and not failures:
        if _no_way_to(check.place.address6):
            also6 = "; not tried by IPv6: this machine has none"
        else:
            failures = _silent_ports(check.place.by_ipv6())
            also6 = f" and {check.place.address6}"
    if failures:
        first, *others = failures
        also = f" (and there is trouble on {', '.join(map(str, others))})" if others else ""
        raise CheckFailed(failures[first].cause + also, failures[first].fix)
    return f"{', '.join(map(str, PORTS))} at {check.place.address}{also6}"


def _silent_ports(place: Place) -> dict[int, CheckFailed]:
    def ask(port: int) -> CheckFailed | None:
        try:
            place.greet(port)
        except (OSError, EOFError) as error:
            return explain(error, place.label, place.name(port), port)
        return None

    with ThreadPoolExecutor(len(PORTS)) as pool:
        answers = dict(zip(PORTS, pool.map(ask, PORTS), strict=True))
    return {port: failure for port, failure in answers.items() if failure}


def _no_way_to(address6: str) -> bool:
    """Whether this machine cannot even begin: it has no IPv6, or no route there. Nothing is sent."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.connect((address6, 25))
    except OSError:
        return True
    return False


def certificate_is_right(check: Check) -> str:
    """Chain, name and time are verified by the handshake; then the days that are left.

    Here for the ports that are TLS from the start. The others are verified in the steps that use their STARTTLS.
    """
    ports = [port for port in (465, 993) if port not in check.silent]
    if not ports:
        raise CheckSkipped("neither 465 nor 993 answers")
    versions, days = set[str](), set[int]()
    for port in ports:
        try:
            with check.place.connect_tls(port) as connection:
                versions.add(str(connection.version()))
                days.add(days_left(connection.getpeercert() or {}, check.now()))
        except OSError as error:
            raise explain(error, check.place.label, check.place.name(port), port) from error
    if min(days) < FEWEST_DAYS:
        raise CheckFailed(
            f"the certificate for {check.place.host} ends in {min(days)} days",
            f"renew it in the stack file, then pulumi up -s {check.place.label}",
        )
    return f"{check.place.host}, {min(days)} days left, {' and '.join(sorted(versions))}"


def days_left(certificate: Mapping[str, object], now: datetime) -> int:
    """Whole days until the certificate ends."""
    end = datetime.fromtimestamp(ssl.cert_time_to_seconds(str(certificate["notAfter"])), UTC)
    return (end - now).days


def no_login_without_tls(check: Check) -> str:
    """587 and 25 offer no AUTH in clear, 587 takes no mail in clear, 25 offers none in TLS either."""
    place = check.place
    for port, encrypted in ((587, False), (25, False), (25, True)):
        try:
            with place.smtp(port, starttls=encrypted) as client:
                if client.has_extn("auth"):
                    fault = "although it is for servers" if encrypted else "without TLS"
                    raise CheckFailed(
                        f"{place.name(port)}: offers a login {fault}",
                        "smtpd_sasl_auth_enable=no on 25, smtpd_tls_auth_only=yes on 587: pulumi up restores both",
                    )
                if port == 587 and (code := client.mail("")[0]) < 500:
                    raise CheckFailed(
                        f"{place.name(port)}: takes MAIL in clear ({code})",
                        "smtpd_tls_security_level=encrypt on 587: pulumi up restores it",
                    )
        except (OSError, smtplib.SMTPException) as error:
            raise explain(error, place.label, place.name(port), port) from error
    return "587 wants TLS first, 25 offers no login"


def strangers_cannot_relay(check: Check) -> str:
    """A recipient elsewhere is refused on 25. Nothing is ever sent: the dialogue ends before DATA."""
    place = check.place
    try:
        with place.smtp(25, starttls=False) as client:
            code, said = client.mail("")
            if code == 250:
                code, said = client.rcpt(STRANGERS_RECIPIENT)
    except (OSError, smtplib.SMTPException) as error:
        raise explain(error, place.label, place.name(25), 25) from error
    if 200 <= code < 300:
        raise CheckFailed(
            f"{place.name(25)}: takes mail for {STRANGERS_RECIPIENT} from anyone: an open relay",
            "stop it now (docker stop the smtp container), then look at mynetworks and smtpd_relay_restrictions",
        )
    if code < 500:
        raise CheckFailed(
            f"{place.name(25)}: only defers a stranger's mail ({code} {words(said)})",
            temporary_fix(place.label, "smtp"),
        )
    return f"{code} {words(said)}"
