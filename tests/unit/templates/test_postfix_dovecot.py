"""What Postfix and Dovecot are told: who may relay, what is refused when something is down, and no secret anywhere."""

import re
from functools import cache
from typing import Literal

import pytest

from mailtenant.rendering import render_service
from tests import samples

Daemon = Literal["smtp", "imap"]


@cache
def files(service: Daemon) -> dict[str, str]:
    return {file.path: file.content for file in render_service(samples.settings(), service)}


@cache
def main_cf() -> dict[str, str]:
    """Parameter → value, continuation lines joined."""
    parameters: dict[str, str] = {}
    name = ""
    for line in files("smtp")["/etc/postfix/main.cf"].splitlines():
        if line.startswith("#") or not line.strip():
            continue
        if line[0].isspace():
            parameters[name] += " " + line.strip()
            continue
        name, _, value = (part.strip() for part in line.partition("="))
        assert name not in parameters, f"{name} is set twice"
        parameters[name] = value
    return parameters


@cache
def services() -> dict[str, tuple[list[str], dict[str, str]]]:
    """master.cf: service name → its columns and its `-o` options."""
    found: dict[str, tuple[list[str], dict[str, str]]] = {}
    name = ""
    for line in files("smtp")["/etc/postfix/master.cf"].splitlines():
        if line.startswith("#") or not line.strip():
            continue
        if line[0].isspace():
            option, _, value = line.strip().removeprefix("-o ").partition("=")
            found[name][1][option] = value
            continue
        name, *columns = line.split()
        assert name not in found, f"{name} is there twice"
        found[name] = (columns, {})
    return found


@pytest.mark.parametrize("service", ["smtp", "imap"])
def test_the_same_settings_give_the_same_files(service: Daemon) -> None:
    assert render_service(samples.settings(), service) == render_service(samples.settings(), service)


@pytest.mark.parametrize("service", ["smtp", "imap"])
def test_no_file_holds_a_password_or_names_a_template(service: Daemon) -> None:
    for path, text in files(service).items():
        assert not re.search(r"^\s*password\s*=", text, re.MULTILINE), path
        assert "{%" not in text, path
        assert not path.endswith(".j2")


def test_nobody_is_trusted_for_an_address() -> None:
    parameters = main_cf()
    assert parameters["mynetworks"] == ""
    assert parameters["smtpd_relay_restrictions"] == "reject_unauth_destination"
    for name, value in parameters.items():
        assert "permit_mynetworks" not in value, name
    assert parameters["smtpd_forbid_bare_newline"] == "normalize"
    assert parameters["smtpd_forbid_bare_newline_exclusions"] == ""


def test_a_filter_that_is_down_defers_every_message_and_every_bounce() -> None:
    parameters = main_cf()
    assert parameters["milter_default_action"] == "tempfail"
    assert parameters["smtpd_milters"] == "unix:/run/milter/milter.sock"
    assert parameters["non_smtpd_milters"] == "$smtpd_milters"
    assert parameters["internal_mail_filter_classes"] == "bounce"
    for name, (_, options) in services().items():
        assert not {"smtpd_milters", "milter_default_action"} & options.keys(), name


def test_login_exists_on_submission_ports_only_and_only_through_tls() -> None:
    assert main_cf()["smtpd_sasl_auth_enable"] == "no"
    assert main_cf()["smtpd_tls_auth_only"] == "yes"
    with_login = {name for name, (_, options) in services().items() if options.get("smtpd_sasl_auth_enable") == "yes"}
    assert with_login == {"465", "587"}
    for name in with_login:
        options = services()[name][1]
        assert options["smtpd_tls_security_level"] == "encrypt"
        assert (
            options["smtpd_client_restrictions"]
            == options["smtpd_relay_restrictions"]
            == "permit_sasl_authenticated,reject"
        )
        assert options["cleanup_service_name"] == "submission-cleanup"
    assert services()["465"][1]["smtpd_tls_wrappermode"] == "yes"


def test_a_login_owns_its_sender_before_anything_else_is_permitted() -> None:
    senders = main_cf()["submission_sender_restrictions"]
    recipients = main_cf()["submission_recipient_restrictions"]
    assert "reject_authenticated_sender_login_mismatch" in senders
    assert "permit" not in senders
    assert recipients.index("reject_unlisted_recipient") < recipients.index("permit_sasl_authenticated")


def test_the_internal_listener_is_for_loopback_and_own_senders() -> None:
    options = services()["127.0.0.1:10587"][1]
    assert "smtpd_sasl_auth_enable" not in options
    assert options["smtpd_sender_restrictions"] == "$internal_sender_restrictions"
    assert main_cf()["internal_sender_restrictions"].endswith(", reject")
    assert main_cf()["internal_client_restrictions"] == "check_client_access inline:{ 127.0.0.1=permit }, reject"


def test_only_the_tenants_own_address_is_used_for_listening_and_sending() -> None:
    address = str(samples.settings().edge.address)
    assert main_cf()["inet_interfaces"] == f"{address}, 127.0.0.1"
    assert main_cf()["smtp_bind_address"] == address
    assert f"listen = {address}, 127.0.0.1\n" in files("imap")["/etc/dovecot/dovecot.conf"]


def test_no_service_is_chrooted() -> None:
    assert {columns[3] for columns, _ in services().values()} == {"n"}


def test_each_sql_map_is_shared_through_proxymap_and_asks_with_an_escaped_value() -> None:
    maps = {
        path: text
        for path, text in files("smtp").items()
        if path.startswith("/etc/postfix/maps/") and path.endswith(".cf")
    }
    database = samples.settings().internal_address("database")
    readable = re.sub(r"\$(\w+)", lambda match: main_cf().get(match[1], match[0]), main_cf()["proxy_read_maps"])
    assert len(maps) == 5
    for path, text in maps.items():
        assert f"postgresql://mailreader@{database}:5432/mail" in text, path
        assert path.removeprefix("/etc/postfix/") in readable, path
        assert re.search(r"^query = SELECT .*'%s'", text, re.MULTILINE), path


def test_each_answer_is_looked_for_in_memory_and_then_in_the_database() -> None:
    """Decision 0039: the other way round nothing would be saved; without the second a new mailbox would be unknown."""
    maps = {
        "virtual_mailbox_domains": "domains",
        "virtual_mailbox_maps": "mailboxes",
        "virtual_alias_maps": "aliases",
        "smtpd_sender_login_maps": "logins",
    }
    for name, kind in maps.items():
        wanted = rf"lmdb:/run/lookups/{kind}, *proxy:pgsql:\$config_directory/maps/{name}\.cf$"
        assert re.search(wanted, main_cf()[name]), main_cf()[name]


def test_size_limits_agree() -> None:
    limit = samples.settings().tuning.postfix.message_size_limit_mib * 1024 * 1024
    assert int(main_cf()["message_size_limit"]) == limit
    assert int(main_cf()["queue_minfree"]) > 1.5 * limit  # Postfix refuses to take mail below that anyway
    assert main_cf()["mailbox_size_limit"] == main_cf()["virtual_mailbox_limit"] == "0"


@pytest.mark.parametrize("message_size_limit_mib", [1, 200])
def test_tuning_reaches_both_daemons(message_size_limit_mib: int) -> None:
    tenant = samples.settings(tuning={"postfix": {"message_size_limit_mib": message_size_limit_mib}})
    smtp = "".join(file.content for file in render_service(tenant, "smtp"))
    imap = "".join(file.content for file in render_service(tenant, "imap"))
    assert f"message_size_limit = {message_size_limit_mib * 1024 * 1024}\n" in smtp
    assert f"quota_storage_grace = {message_size_limit_mib}M\n" in imap


def header_rules() -> list[tuple[re.Pattern[str], str]]:
    """The regexp table, read as Postfix does: first match wins, case is ignored, `.` matches a line break."""
    rules = []
    for line in files("smtp")["/etc/postfix/maps/submission_header_checks"].splitlines():
        if line.startswith("/"):
            pattern, action = re.fullmatch(r"/(.*)/ (\S.*)", line).groups()  # type: ignore[union-attr]
            rules.append(
                (re.compile(pattern.replace("[[:space:]]", r"\s").replace("[^[:space:]]", r"\S"), re.I | re.S), action)
            )
    return rules


def checked(header: str) -> str | None:
    """The header as it leaves; None when it is dropped."""
    for pattern, action in header_rules():
        if match := pattern.search(header):
            if action == "IGNORE":
                return None
            return re.sub(r"\$(\d)", lambda number: match[int(number[1])], action.removeprefix("REPLACE "))
    return header


def test_the_trace_line_of_a_submitted_message_keeps_no_client() -> None:
    host = samples.settings().host
    line = (
        "Received: from laptop.local (dyn.example.net [192.0.2.7])\n"
        "\t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)\n"
        "\t key-exchange x25519 server-signature RSA-PSS (2048 bits) server-digest SHA256)\n"
        "\t(No client certificate requested)\n"
        f"\tby {host} (Postfix) with ESMTPSA id 4B2C9CE01C\n"
        "\tfor <someone@elsewhere.test>; Mon, 23 Nov 2026 23:42:45 +0000 (UTC)"
    )
    date = "Mon, 23 Nov 2026 23:42:45 +0000 (UTC)"
    assert checked(line) == f"Received: by {host} (Postfix) with ESMTPSA id 4B2C9CE01C; {date}"


@pytest.mark.parametrize(
    "header",
    [
        "Received: from secret.lan (10.1.2.3) by relay; Mon, 1 Jan 2024 00:00:00 +0000",
        "X-Originating-IP: [192.0.2.7]",
        "User-Agent: Program/1.0 (on a secret machine)",
        "x-mailer: Program",
        "X-PHP-Originating-Script: 1000:mail.php",
    ],
)
def test_what_tells_about_the_client_is_dropped(header: str) -> None:
    assert checked(header) is None


@pytest.mark.parametrize(
    "header", ["From: jo@acme.test", "Subject: X-Mailer: hello", "X-Spam: Yes", "Resent-From: a@b.test"]
)
def test_other_headers_stay(header: str) -> None:
    assert checked(header) == header


def test_dovecot_opens_no_port_without_tls_and_answers_from_memory_for_a_second_only() -> None:
    services_conf = files("imap")["/etc/dovecot/conf.d/services.conf"]
    assert re.search(r"inet_listener imap \{\s+port = 0\s+\}", services_conf)
    main, auth = files("imap")["/etc/dovecot/dovecot.conf"], files("imap")["/etc/dovecot/conf.d/auth.conf"]
    assert "ssl = required\n" in main
    assert "ssl_min_protocol = TLSv1.2\n" in main
    assert "auth_allow_cleartext = no\n" in main
    assert "auth_cache_ttl = 1 secs\n" in auth
    assert "auth_cache_negative_ttl = 0\n" in auth
    assert "passfile = /run/secrets/pgpass\n" in auth
    allowed = re.search(r'^auth_username_chars = "(.*)"$', auth, re.MULTILINE)
    assert allowed and not set('/%\\"*') & set(allowed[1])


def test_the_sockets_of_both_sides_are_the_same() -> None:
    postfix, dovecot = "".join(files("smtp").values()), "".join(files("imap").values())
    for socket in ("auth", "lmtp", "quota-status"):
        assert f"unix:/run/mail-sockets/{socket}" in postfix
        assert f"unix_listener /run/mail-sockets/{socket} {{" in dovecot
    assert "submission_host = 127.0.0.1:10587\n" in dovecot
