"""An `up` that is refused changes nothing; one that breaks halfway can be undone by the file as it was (0040)."""

import json
import re
import socket
import uuid
from typing import Any

from tests.world.tenants import RunningTenant
from tests.world.test_lifecycle import deliver

ELSEWHERE = "127.0.2.77"


def state(tenant: RunningTenant) -> list[dict[str, Any]]:
    """What the stack's state says of each resource; not its values, whose secrets are encrypted anew each time."""
    resources = json.loads(tenant.pulumi("stack", "export").stdout)["deployment"]["resources"]
    keys = ("urn", "id", "modified", "delete", "pendingReplacement")
    return [{key: one.get(key) for key in keys} for one in resources]


def objects(tenant: RunningTenant) -> set[str]:
    """Ids of the tenant's containers, whatever they do, and names of its volumes."""
    label = f"label=mailtenant.tenant={tenant.label}"
    containers = tenant.docker("ps", "-aq", "--no-trunc", "--filter", label).stdout.split()
    return {*containers, *tenant.docker("volume", "ls", "-q", "--filter", label).stdout.split()}


def without_domain(text: str, domain: str) -> str:
    """The stack file without the domain and its DKIM key."""
    name = re.escape(domain)
    text, listed = re.subn(rf"^      - name: {name}\n(?:        .*\n)+", "", text, flags=re.MULTILINE)
    text, keyed = re.subn(rf"^      {name}:\n(?:        .*\n)+", "", text, flags=re.MULTILINE)
    assert (listed, keyed) == (1, 1)
    return text


def test_an_up_that_is_refused_for_a_mailbox_changes_nothing_at_all(alpha: RunningTenant) -> None:
    domain = alpha.settings.domains[1].name
    alpha.mailbox("jo", domain)
    before, text = (state(alpha), objects(alpha)), alpha.stack_file.read_text()
    alpha.stack_file.write_text(without_domain(text, domain))
    try:
        refused = alpha.pulumi("up", "--yes", "--skip-preview", check=False)
        said = refused.stdout + refused.stderr
        assert refused.returncode and re.search(rf"{domain} is no longer listed and has \d+ mailbox", said), said
        assert (state(alpha), objects(alpha)) == before
    finally:
        alpha.stack_file.write_text(text)
    alpha.pulumi("preview", "--expect-no-changes")


def test_an_up_that_breaks_halfway_is_undone_by_the_file_as_it_was(beta: RunningTenant) -> None:
    """The new files of two services are there, six containers are gone and the edge cannot start: its port is taken."""
    volumes = {name for name in objects(beta) if name.startswith("mt-")}
    with socket.create_server((ELSEWHERE, 25)), beta.put_back():
        beta.set_line("publish", ELSEWHERE)
        beta.edit("message_size_limit_mib: 50", "message_size_limit_mib: 60")
        broken = beta.pulumi("up", "--yes", "--skip-preview", check=False)
        assert broken.returncode and "address already in use" in broken.stdout + broken.stderr
        halfway = {name for name in objects(beta) if name.startswith("mt-")}
        assert len(halfway - volumes) == 2 and volumes < halfway
        # What waits for its deletion would be in the way of the undo.
        assert not [one["urn"] for one in state(beta) if one["delete"]]
    beta.pulumi("preview", "--expect-no-changes")
    assert {name for name in objects(beta) if name.startswith("mt-")} == volumes
    deliver(beta, uuid.uuid4().hex)
