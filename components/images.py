"""The service images of a release, as the engine holds them. Built by setup, shared by all tenants, used by id."""

from collections.abc import Iterable

import pulumi
import pulumi_docker as docker


class ServiceImages(pulumi.ComponentResource):
    """Creates: one RemoteImage a service, kept locally when a tenant goes.

    Outputs: `ids` (service → image id). A container takes the id, never the tag: a tag is read back as an id and would
    replace the container at every `up`.
    """

    def __init__(
        self, name: str, release: str, services: Iterable[str], opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("mailtenant:index:ServiceImages", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        self.ids: dict[str, pulumi.Output[str]] = {
            service: docker.RemoteImage(
                f"{name}-{service}",
                name=f"mailtenant/{service}:{release}",
                keep_locally=True,
                opts=child,
            ).image_id
            for service in services
        }
        self.register_outputs({"ids": self.ids})
