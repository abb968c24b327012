"""The shared host with two customers and the tenant of one of them, up once for all tests here."""

from collections.abc import Iterator

import pytest

from mailtenant.accounts.engine import TenantEngine
from mailtenant.environment import tool_environment
from mailtenant.mailbox_copy import MailboxCopier
from mailtenant.runner import DockerRunner
from mailtenant.shared_host import SharedHost
from mailtenant.tenant_side import TenantMail
from tests.world.migration import moving
from tests.world.migration.people import Shared
from tests.world.tenants import RunningTenant
from world.outside import OutsideMx
from world.shared_host import SHARED_NAME


@pytest.fixture(scope="session")
def tenant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningTenant]:
    """The customer's own stack, up; its mailboxes are taken over from the shared host."""

    moving.down()
    try:
        made = moving.new_tenant(tmp_path_factory.mktemp("moving"))
        moving.up(made)
        yield made
    finally:
        moving.down()


@pytest.fixture(scope="session")
def host(tenant: RunningTenant) -> SharedHost:
    """The customer on the shared host."""
    return SharedHost(
        DockerRunner(f"{moving.NETWORK}-shared", tool_environment()),
        (moving.DOMAIN,),
        SHARED_NAME,
        moving.world().shared_ca(),
    )


@pytest.fixture(scope="session")
def own(tenant: RunningTenant, host: SharedHost) -> TenantMail:
    """The customer on its own system, with all accounts."""
    side = TenantMail(TenantEngine.of(tenant.settings), (moving.DOMAIN,))
    side.import_accounts(host.accounts())
    for box in (moving.JO, moving.ANN, moving.BOB):
        mailbox = moving.login(box)
        tenant.mailboxes[mailbox.address] = mailbox
    return side


@pytest.fixture
def opened(host: SharedHost, own: TenantMail) -> Iterator[None]:
    """Both sides open before and after the test."""
    host.thaw()
    own.thaw()
    yield
    host.thaw()
    own.thaw()


@pytest.fixture
def copier(host: SharedHost, own: TenantMail, opened: None) -> MailboxCopier:
    return MailboxCopier(host, own)


@pytest.fixture
def shared(tenant: RunningTenant) -> Shared:
    """People's access to the shared host."""
    return Shared(moving.SHARED, moving.world().shared_ca())


@pytest.fixture
def outside(tenant: RunningTenant) -> OutsideMx:
    return moving.world().outside()
