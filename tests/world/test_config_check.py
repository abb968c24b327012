"""Each daemon's own checker, in its image: takes what is rendered, refuses what it does not know."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from mailtenant.config_check import CHECKED, ConfigRefused, check_config
from mailtenant.environment import tool_environment
from mailtenant.rendering import RenderedFile, render_service
from mailtenant.settings import TenantSettings
from mailtenant.settings.size import Service
from tests import samples
from tests.unit.settings.test_tuning import GOOD


def tuned() -> TenantSettings:
    tuning = {daemon: {"snippet": text} for daemon, text in GOOD.items()}
    return samples.settings(tuning={**tuning, "rspamd": {**tuning["rspamd"], "scores": {"R_SPF_FAIL": 3}}})


def judged(service: Service, change: Callable[[str, str], str] = lambda _, text: text) -> None:
    tenant = tuned()
    files: list[RenderedFile] = [replace(f, content=change(f.path, f.content)) for f in render_service(tenant, service)]
    check_config(tenant, service, files, tool_environment())


@pytest.mark.parametrize("service", CHECKED)
def test_the_checker_takes_what_is_rendered_with_every_kind_of_tuning(service: Service) -> None:
    judged(service)


@pytest.mark.parametrize(
    ("service", "name", "line", "words"),
    [
        ("smtp", "main.cf", "smtp_conect_timeout = 20s", "smtp_conect_timeout"),
        ("smtp", "main.cf", "smtp_connect_timeout = soon", "smtp_connect_timeout"),
        ("imap", "dovecot.conf", "imap_max_lime_length = 64k", "imap_max_lime_length"),
        ("imap", "dovecot.conf", "imap_max_line_length = long", "imap_max_line_length"),
        ("filter", "rspamd.conf", "chartable { threshold = ", ""),
    ],
)
def test_the_checker_refuses_what_the_daemon_does_not_know(service: Service, name: str, line: str, words: str) -> None:
    with pytest.raises(ConfigRefused, match="what runs stays as it is") as caught:
        judged(service, lambda path, text: f"{text}\n{line}\n" if path.endswith(f"/{name}") else text)
    assert words in str(caught.value)
