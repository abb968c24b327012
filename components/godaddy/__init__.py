"""The Python side of our GoDaddy provider (`providers/godaddy`): what a generated SDK would hold."""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi

VERSION = "2026.11.0"


class Provider(pulumi.ProviderResource):
    """GoDaddy's API with one pair of key and secret; `base_url` only for tests (https, or http on loopback)."""

    def __init__(
        self,
        resource_name: str,
        key: pulumi.Input[str],
        secret: pulumi.Input[str],
        base_url: pulumi.Input[str] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        hidden = {"key": pulumi.Output.secret(key), "secret": pulumi.Output.secret(secret)}
        super().__init__(
            "godaddy",
            resource_name,
            {**hidden, "baseUrl": base_url},
            pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(version=VERSION)),
        )


class RecordSet(pulumi.CustomResource):
    """Values of ours in the set of one name and type; a delete brings back what they replaced."""

    values: pulumi.Output[Sequence[Mapping[str, Any]]]

    def __init__(
        self,
        resource_name: str,
        domain: str,
        name: str,
        type: str,
        values: Sequence[Mapping[str, Any]],
        replaced: Sequence[Mapping[str, Any]] = (),
        before: Sequence[Mapping[str, Any]] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        lists = {"values": list(values), "replaced": list(replaced), "before": list(before)}
        super().__init__(
            "godaddy:index:RecordSet",
            resource_name,
            {"domain": domain, "name": name, "type": type, **lists},
            pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(version=VERSION)),
        )
