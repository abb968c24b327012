"""Tuning: what a snippet may say, and that it reaches the files of its own tenant only."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailtenant.rendering import render_service, render_tenant
from mailtenant.settings import SettingsErrors
from mailtenant.settings.errors import Refusal, Refusals
from mailtenant.settings.snippets import DOVECOT, POSTFIX, RSPAMD, Grammar, read_snippet
from tests import samples

GOOD = {
    "postfix": "smtp_connect_timeout = 20s\n# why\n\nqmgr_message_active_limit = 5000\nenable_long_queue_ids = yes",
    "dovecot": "imap_max_line_length = 64k\nmail_max_lock_timeout = 30 secs",
    "rspamd": "chartable.threshold = 0.4\nregexp.max_size = 2M",
}
BAD = {
    "postfix": (
        "smtpd_milters =",
        "mynetworks = 0.0.0.0/0",
        "smtpd_relay_restrictions = permit",
        "relayhost = evil.test",
        "content_filter = pipe:x",
        "mailbox_command = /bin/sh",
        "alias_maps = pipemap:{x}",
        "smtp_connect_timeout = $x",
        "smtp_connect_timeout = ${x}",
        "smtp_connect_timeout = </etc/passwd",
        "smtp_connect_timeout = 5s\n  other = 1",
        "smtp_connect_timeout = {{ 7*7 }}",
        "smtp_connect_timeout = 1; x",
        "message_size_limit = 1",
        "smtpd_hard_error_limit = 1000",
        "compatibility_level = 0",
        "!include x",
        "-o smtpd_timeout=5s",
        "smtp_connect_timeout",
        "smtp_connect_timeout = 1\nsmtp_connect_timeout = 2",
        "smtp_connect_timeout = 1\r\nx",
    ),
    "dovecot": (
        "!include /etc/passwd",
        "!include_try x",
        "service imap {",
        "mail_uid = 0",
        "first_valid_uid = 0",
        "mail_access_groups = root",
        "mail_full_filesystem_access = yes",
        "imap_max_line_length = $ENV:X",
        "imap_max_line_length = %{exec:x}",
        "imap_max_line_length = </etc/shadow",
        "mail_plugins = x",
        "auth_failure_delay = 0",
        "sieve_pipe_exec_timeout = |x",
        "mail_max_userip_connections = 1000",
        "executable = script /bin/sh",
    ),
    "rspamd": (
        '.include "/etc/passwd"',
        'lua = "/tmp/x.lua"',
        "options.pidfile = 1",
        "mailtenant.limits = 1",
        "spf.enabled = false",
        "dkim_signing.enabled = false",
        'chartable.threshold = "x"',
        "chartable.threshold = 1; }",
        "chartable.threshold = $VAR",
        "chartable.threshold = {= env.x =}",
        "actions.reject = 999",
    ),
}
GRAMMARS: dict[str, Grammar] = {"postfix": POSTFIX, "dovecot": DOVECOT, "rspamd": RSPAMD}


@pytest.mark.parametrize("daemon", GOOD)
def test_limits_times_and_sizes_reach_the_daemons_file(daemon: str) -> None:
    tenant = samples.settings(tuning={daemon: {"snippet": GOOD[daemon]}})
    changed = set(render_tenant(tenant)) - set(render_tenant(samples.settings()))
    text = "\n".join(file.content for file in changed)
    for line in read_snippet(GOOD[daemon], GRAMMARS[daemon]):
        assert re.search(rf"^\s*{re.escape(line.name.rpartition('.')[2])} = {re.escape(line.value)};?$", text, re.M)


@pytest.mark.parametrize(("daemon", "text"), [(daemon, text) for daemon, texts in BAD.items() for text in texts])
def test_whatever_could_run_read_include_or_weaken_is_refused_without_showing_it(daemon: str, text: str) -> None:
    with pytest.raises(SettingsErrors) as caught:
        samples.settings(tuning={daemon: {"snippet": text}})
    assert caught.value.problems[0].path == f"mailtenant:tenant.tuning.{daemon}.snippet"
    value = text.partition("=")[2].strip()
    assert len(value) < 6 or value not in str(caught.value)


@given(text=st.text(max_size=200) | st.from_regex(r"[a-z_]{1,40} ?= ?[^\n]{0,40}", fullmatch=True))
@settings(max_examples=400, deadline=None)
def test_what_is_taken_holds_no_sign_that_means_anything(text: str) -> None:
    for grammar in GRAMMARS.values():
        try:
            lines = read_snippet(text, grammar)
        except (Refusal, Refusals):
            continue
        for line in lines:
            assert re.fullmatch(r"[a-z0-9_.]+", line.name)
            assert re.fullmatch(r"[A-Za-z0-9. -]*", line.value)
            assert line.name not in grammar.reserved


def set_by_template(service: str) -> set[str]:
    files = render_service(samples.settings(), service)  # type: ignore[arg-type]
    text = "\n".join(file.content for file in files if "/maps/" not in file.path)
    return set(re.findall(r"^\s*(?:-o )?([a-z][a-z0-9_]*) ?=", text, re.M))


@pytest.mark.parametrize(("service", "daemon"), [("smtp", "postfix"), ("imap", "dovecot")])
def test_no_snippet_can_set_what_the_product_sets(service: str, daemon: str) -> None:
    """A name of ours that the grammar would take must be reserved: the last one of two wins."""
    grammar = GRAMMARS[daemon]
    ours = set_by_template(service)
    assert len(ours) > 30
    taken = {name for name in ours if grammar.name.fullmatch(name)} - grammar.reserved
    assert not taken


@pytest.mark.parametrize(("tuning", "said"), [({}, "/"), ({"dovecot": {"folder_separator": "."}}, ".")])
def test_the_folder_separator_is_the_old_hosts_where_it_is_said(tuning: dict[str, object], said: str) -> None:
    files = {file.path: file.content for file in render_service(samples.settings(tuning=tuning), "imap")}
    [text] = [content for path, content in files.items() if path.endswith("conf.d/mail.conf")]
    assert f"  separator = {said}\n" in text


def test_scores_and_thresholds_reach_the_filter() -> None:
    tenant = samples.settings(
        tuning={"rspamd": {"reject_score": 12, "add_header_score": 4.5, "scores": {"R_SPF_FAIL": 3, "MAILLIST": -1}}}
    )
    files = {file.path.rsplit("/", 1)[-1]: file.content for file in render_service(tenant, "filter")}
    assert "    reject = 12;\n    add_header = 4.5;\n" in files["rspamd.conf"]
    assert '"R_SPF_FAIL" { weight = 3; }' in files["tenant.conf"]
    assert '"$LOCAL_CONFDIR/tenant.conf"' in files["rspamd.conf"]
    assert "tenant.conf" not in {f.path.rsplit("/", 1)[-1] for f in render_service(samples.settings(), "filter")}


@pytest.mark.parametrize(
    ("tuning", "path"),
    [
        ({"rspamd": {"reject_score": 8, "add_header_score": 9}}, "tuning.rspamd.add_header_score"),
        ({"rspamd": {"scores": {"MAILTENANT_LIMITS": 1}}}, "tuning.rspamd.scores"),
        ({"rspamd": {"scores": {"lower": 1}}}, "tuning.rspamd.scores"),
        ({"rspamd": {"scores": {"R_SPF_FAIL": 21}}}, "tuning.rspamd.scores.R_SPF_FAIL"),
        ({"postfix": {"smtp_tls_security_level": "none"}}, "tuning.postfix.smtp_tls_security_level"),
        (
            {"postfix": {"minimal_backoff_time_seconds": 3600, "maximal_backoff_time_minutes": 5}},
            "tuning.postfix.minimal_backoff_time_seconds",
        ),
        ({"dovecot": {"quota_warning_percent": 95}}, "tuning.dovecot.quota_warning_percent"),
    ],
)
def test_what_is_out_of_range_is_refused_at_its_path(tuning: dict[str, object], path: str) -> None:
    with pytest.raises(SettingsErrors) as caught:
        samples.settings(tuning=tuning)
    assert f"mailtenant:tenant.{path}" in "\n".join(problem.path for problem in caught.value.problems)
