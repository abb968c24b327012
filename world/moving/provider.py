"""A customer whose zone is kept at Cloudflare, as the tests play it, instead of by hand."""

from collections.abc import Iterator
from contextlib import contextmanager

from mailtenant.control import customers
from world.live_zones import LiveCloudflare
from world.moving.office import Office
from world.moving.standing import STAND

BY_HAND = "{provider: manual}"


@contextmanager
def at_cloudflare(office: Office) -> Iterator[LiveCloudflare]:
    """Within it the customer's zone is there, as it was before the move, and adopted. Between two moves only.

    The API's only zone is this one: what is written there is what the world's name server answers.
    """
    scene, file = office.scene, office.scene.stack_file
    before = file.path.read_text(encoding="utf-8")
    with LiveCloudflare(publish=scene.world.publish_zone) as api:
        zone = api.adopt(scene.domain, scene.records)
        there = f"{{provider: cloudflare, zone_id: {zone}}}"
        file.path.write_text(before.replace(BY_HAND, there), encoding="utf-8")
        secret = ("--secret", "--path", "mailtenant:secrets.cloudflareToken", api.token(zone))
        for setting in (secret, ("cloudflare:baseUrl", api.base_url)):
            scene.run("pulumi", "config", "set", "-s", scene.label, *setting)
        scene.run("mailtenant", "dns", "adopt", scene.label, "--domain", scene.domain, "--again")
        _kept(office, "cloudflare")
        try:
            yield api
        finally:
            file.path.write_text(before, encoding="utf-8")
            if (scene.folder / STAND).exists():
                # The stack lets go of the zone while the API still answers.
                scene.run("pulumi", "up", "-s", scene.label, "--yes", "--skip-preview")
            _kept(office, "manual")


def _kept(office: Office, provider: str) -> None:
    with office.plane.database.write() as session:
        tenant = customers.find(session, office.scene.label)
        for domain in customers.domains(session, tenant.id):
            domain.provider = provider
