"""A rotation under a steady stream of mail: not one signature fails at the outside receiver, nothing restarts."""

import re
import threading
import time
import uuid
from functools import cached_property

from mailtenant.settings import TenantSettings
from tests.world.tenants import RunningTenant, message
from world.outside import OutsideMx

READER = "reader@elsewhere.test"
MOST = 400


class AsItWas(RunningTenant):
    """Reads the stack file once: the commands under test write it anew meanwhile, `pulumi config` not in one step."""

    @cached_property
    def settings(self) -> TenantSettings:  # type: ignore[override]
        return super().settings


class Stream:
    """Mail after mail, paced, until it is told to end; `tokens` are those that the tenant accepted."""

    def __init__(self, tenant: RunningTenant) -> None:
        self.sender = tenant.mailbox("rotating")
        self.tenant = AsItWas(tenant.label, tenant.project, tenant.environment)
        self.tokens: list[str] = []
        self.failures: list[str] = []
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "Stream":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join(60)

    def _run(self) -> None:
        while not self._end.wait(0.25) and len(self.tokens) < MOST:
            token = uuid.uuid4().hex
            try:
                with self.tenant.submission(self.sender) as client:
                    client.send_message(message(self.sender.address, READER, token))
                self.tokens.append(token)
            except OSError as error:
                self.failures.append(repr(error))

    def more(self, number: int = 4) -> None:
        """Waits until some more have been accepted."""
        wanted, deadline = len(self.tokens) + number, time.monotonic() + 300
        while len(self.tokens) < wanted:
            assert time.monotonic() < deadline, self.failures[-3:]
            time.sleep(0.1)


def test_no_signature_fails_while_keys_change_and_nothing_restarts(beta: RunningTenant, outside: OutsideMx) -> None:
    before = beta.docker("inspect", "-f", "{{.Id}} {{.State.StartedAt}}", beta.container("filter")).stdout
    with Stream(beta) as stream:
        stream.more()
        assert "mt2 is published" in beta.cli("dkim", "rotate", "beta").stdout
        refused = beta.cli("dkim", "rotate", "beta", check=False)
        assert refused.returncode == 1 and "not served everywhere yet" in refused.stderr
        beta.up()
        stream.more()
        assert "mt2 signs" in beta.cli("dkim", "rotate", "beta").stdout
        stream.more()
        beta.up()
        stream.more(12)
        assert "stays published until" in beta.cli("dkim", "rotate", "beta").stdout
        # A week later, as far as the stack file can tell.
        text = re.sub(r"since: '?20[0-9TZ:-]+'?", "since: '2026-01-01T00:00:00Z'", beta.stack_file.read_text())
        beta.stack_file.write_text(text)
        assert "mt1 has not signed for 7 days" in beta.cli("dkim", "rotate", "beta").stdout
        beta.up()
        stream.more()
        # A second signature by Ed25519 beside the RSA one, by the same steps (RFC 8463).
        second = ("dkim", "rotate", "beta", "--algorithm", "ed25519")
        assert "mt3 is published" in beta.cli(*second).stdout
        beta.up()
        stream.more()
        assert "mt3 signs" in beta.cli(*second).stdout
        beta.up()
        stream.more(12)
    assert not stream.failures
    signed = []
    for token in stream.tokens:
        seen = outside.wait_for(READER, token)
        assert (seen.verdicts.dkim_result, seen.verdicts.dmarc.result) == ("pass", "pass")
        assert {signature.result for signature in seen.verdicts.dkim} == {"pass"}
        signed.append({(signature.selector, signature.algorithm) for signature in seen.verdicts.dkim})
    assert set().union(*signed[:-4]) >= {("mt1", "rsa-sha256"), ("mt2", "rsa-sha256")}
    assert signed[-1] == {("mt2", "rsa-sha256"), ("mt3", "ed25519-sha256")}
    assert beta.docker("inspect", "-f", "{{.Id}} {{.State.StartedAt}}", beta.container("filter")).stdout == before
    assert [key.selector for key in beta.settings.domains[0].dkim] == ["mt2", "mt3"]
