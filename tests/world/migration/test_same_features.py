"""One suite of features, run by the same programs on the shared host before a real move and on the customer's own
system after it: old passwords, the API key of before, the host as userinfo names it.

Nothing that the shared host offers is missing afterwards, but what is left out on purpose (docs/customer/moving.md,
"What a program may notice"): CHUNKING and ETRN are not offered. And folders with a role are there from the start on the
own system, on the shared host once somebody has made them.
"""

import re
import smtplib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from mailtenant.migration import State
from tests.world.migration.clients import capabilities, filters, idle, roles, separator
from tests.world.migration.moves import diagnosed, ended, scene, surroundings
from tests.world.tenants import eventually, message
from world.layout import SHARED_NAME
from world.moving.api import Api
from world.moving.office import Office
from world.moving.programs import Server
from world.moving.scene import ANN, JO

PACES = {"MAILTENANT_MIGRATE_LOOK": "0.5", "MAILTENANT_MIGRATE_LONGEST_LOOK": "2"}
ROLES = {r"\Drafts": "Drafts", r"\Sent": "Sent", r"\Trash": "Trash", r"\Junk": "Junk"}
LEFT_OUT = {"chunking", "etrn"}
"""Not offered by the customer's own system (templates/postfix/etc/postfix/main.cf.j2): no program needs either."""
ASKED_AFTERWARDS = {
    "move", "workflow", "userinfo", "old-host-logins", "old-host-closed", "queue-old", "queue-new", "tasks", "messages",
    "check", "dns",
}  # fmt: skip
pytestmark = pytest.mark.timeout(1800)


@dataclass
class Customer:
    """The customer's people on the side that serves. `before`: what the other side has shown, for comparing."""

    office: Office
    name: str
    server: Server
    api: Api
    before: dict[str, Any] = field(repr=False)

    def address(self, local_part: str) -> str:
        return f"{local_part}@{self.office.scene.domain}"

    @property
    def jo(self) -> tuple[str, str]:
        return self.address("jo"), JO.password

    @property
    def ann(self) -> tuple[str, str]:
        return self.address("ann"), ANN.password

    def token(self, what: str) -> str:
        return f"{what}-{self.name}-{time.monotonic_ns()}"

    def at_least_as_before(self, what: str, found: set[str]) -> None:
        """What this side has; on the second side: nothing of the first one's is missing."""
        assert self.before.setdefault(what, found) <= found, f"{what}: {self.before[what] - found} is missing"

    def as_before(self, what: str, found: object) -> None:
        assert self.before.setdefault(what, found) == found, what

    def comes(self, person: tuple[str, str], token: str, folder: str = "INBOX") -> None:
        """Until exactly one message of that subject is in the folder."""

        def there() -> bool:
            with self.server.imap(*person) as client:
                client.select(folder, readonly=True)
                found = client.search(None, "SUBJECT", f'"{token}"')[1][0].split()
            assert len(found) < 2, f"{token} came {len(found)} times"
            return len(found) == 1

        eventually(there, seconds=120, what=f"{token} in {person[0]}/{folder}")

    def gets(self, to: str, token: str, sender: str = "someone@elsewhere.test") -> int:
        """Mail from outside, by MX; the code of the last reply."""
        [done] = self.office.scene.world.outside().send(message(sender, to, token), sender=sender, recipients=[to])
        return done.code


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    made = scene(
        tmp_path_factory.mktemp("features"), "features", 83, "settler", "native", ttl=1, environment=PACES,
        catch_all=True,
    )  # fmt: skip
    with surroundings(made) as found:
        yield found


@pytest.fixture(scope="module")
def before() -> dict[str, Any]:
    return {}


@pytest.fixture(scope="module", params=["shared", "own"])
def customer(request: pytest.FixtureRequest, office: Office, before: dict[str, Any]) -> Iterator[Customer]:
    """First on the shared host; then the move, and all of it again."""
    if request.param == "own":
        office.start_worker()
        office.schedule()
        office.until(ended)
        assert office.migration.state is State.COMPLETED, office.migration.failure
    server = office.serving()
    assert (server.host == SHARED_NAME) is (request.param == "shared")
    api = office.working_api()
    try:
        yield Customer(office, request.param, server, api, before)
    finally:
        api.close()


# --- sending


@pytest.mark.parametrize("port", [465, 587])
def test_mail_is_handed_in_with_the_old_password_and_is_authentic(customer: Customer, port: int) -> None:
    token = customer.token(f"out{port}")
    with customer.server.submission(*customer.jo, port=port) as client:
        client.send_message(message(customer.jo[0], "someone@elsewhere.test", token))
        customer.at_least_as_before(f"EHLO on {port}", set(client.esmtp_features) - LEFT_OUT)
    came = customer.office.scene.world.outside().wait_for(subject=token, deadline=120)
    assert came.verdicts.all_pass, came.verdicts


@pytest.mark.parametrize("port", [465, 587])
def test_another_password_or_another_ones_address_is_refused(customer: Customer, port: int) -> None:
    wrong = customer.server.submission(customer.jo[0], "not hers", port=port)
    with pytest.raises(smtplib.SMTPAuthenticationError) as denied, wrong:
        pass
    assert denied.value.smtp_code == 535
    with customer.server.submission(*customer.jo, port=port) as client:
        client.mail(customer.ann[0])
        assert client.rcpt(customer.jo[0])[0] == 553


# --- receiving


def test_mail_comes_to_mailbox_plus_address_alias_and_catch_all(customer: Customer) -> None:
    token = {kind: customer.token(kind) for kind in ("plain", "plus", "alias", "all")}
    for kind, local_part in (("plain", "jo"), ("plus", "jo+list"), ("alias", "sales"), ("all", "whoever")):
        assert customer.gets(customer.address(local_part), token[kind]) == 250
    for kind in ("plain", "plus", "alias"):
        customer.comes(customer.jo, token[kind])
    for kind in ("alias", "all"):
        customer.comes(customer.ann, token[kind])


# --- IMAP


def test_imap_offers_what_it_offered(customer: Customer) -> None:
    with customer.server.imap(*customer.jo) as client:
        customer.at_least_as_before("IMAP", capabilities(client))


def test_folders_are_made_renamed_subscribed_and_removed(customer: Customer) -> None:
    with customer.server.imap(*customer.jo) as client:
        below = separator(client)
        customer.as_before("separator", below)
        made, renamed = f"Projects{below}2026", f"Projects{below}2027"
        assert client.create(made)[0] == "OK"
        assert client.subscribe(made)[0] == "OK"
        assert made in str(client.lsub('""', '"*"')[1])
        assert client.rename(made, renamed)[0] == "OK"
        assert renamed in str(client.list('""', '"*"')[1])
        client.unsubscribe(made)
        assert client.delete(renamed)[0] == "OK"
        assert renamed not in str(client.list('""', '"*"')[1])


def test_a_message_is_filed_with_flags_and_date_found_and_moved(customer: Customer) -> None:
    token, when = customer.token("filed"), '"03-Feb-2024 10:11:12 +0100"'
    raw = message("someone@elsewhere.test", customer.jo[0], token, body="needle in hay\r\n").as_bytes()
    with customer.server.imap(*customer.jo) as client:
        client.create("Filed")
        assert client.append("INBOX", r"(\Flagged \Seen $Label1)", when, raw)[0] == "OK"
        client.select("INBOX")
        for terms in ("ALL", "KEYWORD $Label1", "BODY needle", "SENTSINCE 01-Jan-2024 BEFORE 04-Feb-2024"):
            assert len(found := client.uid("SEARCH", terms, "SUBJECT", token)[1][0].split()) == 1, terms
        assert client.uid("MOVE", found[0].decode(), "Filed")[0] == "OK"
        assert client.uid("SEARCH", "SUBJECT", token)[1][0] == b""
        client.select("Filed", readonly=True)
        [number] = client.search(None, "SUBJECT", token)[1][0].split()
        facts = str(client.fetch(number.decode(), "(FLAGS INTERNALDATE)")[1][0])
        assert r"\\Flagged" in facts and r"\\Seen" in facts and "$Label1" in facts
        assert "03-Feb-2024 10:11:12 +0100" in facts or "03-Feb-2024 09:11:12 +0000" in facts


def test_new_mail_is_told_while_a_program_idles(customer: Customer) -> None:
    with customer.server.imap(*customer.ann) as client:
        client.select("INBOX")
        with idle(client) as lines:
            assert customer.gets(customer.ann[0], customer.token("idle")) == 250
            assert any(line.endswith(" EXISTS") for line in lines)


def test_the_quota_is_the_same(customer: Customer) -> None:
    with customer.server.imap(*customer.jo) as client:
        answer = str(client.getquotaroot("INBOX")[1])
    found = re.search(r"STORAGE \d+ (\d+)", answer)
    assert found and JO.quota_mib and int(found[1]) == 1024 * JO.quota_mib, answer


def test_folders_have_their_roles(customer: Customer) -> None:
    with customer.server.imap(*customer.ann) as client:
        for role, name in ROLES.items():
            # As programs do: a role that no folder has gets one.
            if role not in roles(client):
                assert client.create(name)[0] == "OK"
        assert roles(client) == ROLES


# --- filters


def test_a_filter_is_uploaded_and_files_mail(customer: Customer) -> None:
    token = customer.token("filter")
    script = f'require ["fileinto"];\r\nif header :contains "Subject" "{token}" {{ fileinto "Sorted"; }}\r\n'
    with customer.server.imap(*customer.jo) as client:
        client.create("Sorted")
    with filters(customer.server, *customer.jo) as session:
        session.put("sorting", script.encode())
        session.activate("sorting")
        assert session.read().active == "sorting"
    try:
        assert customer.gets(customer.jo[0], token) == 250
        customer.comes(customer.jo, token, "Sorted")
    finally:
        with filters(customer.server, *customer.jo) as session:
            session.activate(None)


def test_a_filter_that_was_uploaded_before_the_move_is_there_and_files_mail(customer: Customer) -> None:
    """Uploaded once, on the shared host; it has that host's name for a folder below another."""
    flat, below, deep = customer.token("flat"), customer.token("below"), "Lists.vip"
    if customer.name == "shared":
        with customer.server.imap(*customer.jo) as client:
            for folder in ("Flat", deep):
                client.create(folder)
        rules = "".join(
            f'if header :contains "Subject" "{word}-" {{ fileinto "{folder}"; }}\r\n'
            for word, folder in (("flat", "Flat"), ("below", deep))
        )
        with filters(customer.server, *customer.jo) as session:
            session.put("kept", f'require ["fileinto"];\r\n{rules}'.encode())
    with filters(customer.server, *customer.jo) as session:
        session.activate("kept")
    try:
        for token in (flat, below):
            assert customer.gets(customer.jo[0], token) == 250
        customer.comes(customer.jo, flat, "Flat")
        customer.comes(customer.jo, below, deep)
    finally:
        with filters(customer.server, *customer.jo) as session:
            session.activate(None)


def test_who_is_away_says_so(customer: Customer) -> None:
    token = customer.token("away")
    script = f'require ["vacation"];\r\nvacation :days 1 :subject "{token}" "back on Monday";\r\n'
    with filters(customer.server, *customer.ann) as session:
        session.put("away", script.encode())
        session.activate("away")
    try:
        sender = f"{token}@elsewhere.test"
        assert customer.gets(customer.ann[0], customer.token("hello"), sender) == 250
        answer = customer.office.scene.world.outside().wait_for(sender, subject=token, deadline=120)
        assert "back on Monday" in answer.message.get_content()
        assert answer.verdicts.dmarc.result == "pass", answer.verdicts
    finally:
        with filters(customer.server, *customer.ann) as session:
            session.activate(None)


# --- the API


def shape(answer: object) -> object:
    """Names of fields and kinds of values; of a list its first entry."""
    if isinstance(answer, dict):
        return {key: shape(value) for key, value in answer.items()}
    if isinstance(answer, list):
        return [shape(one) for one in answer[:1]]
    return "text or none" if answer is None or isinstance(answer, str) else type(answer).__name__


def carried_out(customer: Customer, asked: dict[str, Any]) -> dict[str, Any]:
    def over() -> dict[str, Any] | None:
        found: dict[str, Any] = customer.api.call("GET", f"/api/tasks/{asked['task_id']}")
        return found if found["state"] in ("COMPLETED", "FAILED", "CANCELLED") else None

    task = eventually(over, seconds=180, what="the task's end")
    assert task and task["state"] == "COMPLETED", task
    return task


def test_the_api_shows_the_same_with_the_same_key(customer: Customer) -> None:
    carried_out(customer, customer.api.call("POST", "/api/mailboxes/refresh"))
    for path in ("/api/userinfo/", "/api/mailboxes/", "/api/domains/", "/api/tasks/",
                 f"/api/domains/{customer.office.scene.domain}/plan"):  # fmt: skip
        answer = customer.api.call("GET", path)
        assert answer, path
        customer.as_before(f"shape of {path}", shape(answer))
    boxes = {one["email"]: one["id"] for one in customer.api.call("GET", "/api/mailboxes/")}
    assert set(boxes) >= {customer.jo[0], customer.ann[0]}
    customer.as_before("ids of mailboxes", {person: boxes[person] for person in (customer.jo[0], customer.ann[0])})
    customer.as_before("ids of domains", {one["name"]: one["id"] for one in customer.api.call("GET", "/api/domains/")})


def test_a_mailbox_is_made_changed_and_removed_by_the_api(customer: Customer) -> None:
    [domain] = customer.api.call("GET", "/api/domains/")
    asked = {"email": f"new-{customer.name}", "domain": domain["id"], "password": "first pw of new", "name": "New One"}
    made = customer.api.call("POST", "/api/mailboxes/", asked)
    task = carried_out(customer, made)
    customer.as_before("shape of a task", shape({**task, "outputs": None}))
    address, token = customer.address(asked["email"]), customer.token("made")
    eventually(lambda: customer.gets(address, token) == 250, what="mail is taken for it")
    customer.comes((address, "first pw of new"), token)
    carried_out(customer, customer.api.call(
        "POST", f"/api/mailboxes/{made['id']}/password", {"password": "second pw of new"}
    ))  # fmt: skip
    with customer.server.imap(address, "second pw of new") as client:
        assert client.noop()[0] == "OK"
    carried_out(customer, customer.api.call("DELETE", f"/api/mailboxes/{made['id']}?delete_mail=true"))
    with pytest.raises(httpx.HTTPStatusError) as gone:
        customer.api.call("GET", f"/api/mailboxes/{made['id']}")
    assert gone.value.response.status_code == 404


# --- and afterwards


def test_diagnose_finds_nothing(customer: Customer) -> None:
    """`mailtenant migrate diagnose`, as an operator runs it, of a customer that has really moved."""
    rules = diagnosed(customer.office)
    assert [one for one in rules if not one["ok"]] == []
    if customer.name == "own":
        assert {one["rule"] for one in rules} >= ASKED_AFTERWARDS
