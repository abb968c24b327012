"""The resource graph of a tenant without an engine: the raw registrations, asserted on after the program has run."""

from dataclasses import dataclass, field
from typing import Any

import pulumi
from google.protobuf import json_format
from pulumi.runtime import mocks

from components.tenant import TenantMail
from tests import samples


@dataclass(frozen=True)
class Registered:
    """One resource as the engine would get it; `inputs` in wire names, secrets unwrapped and named in `secret`."""

    type: str
    name: str
    parent: str
    inputs: dict[str, Any]
    secret: frozenset[str]
    protect: bool
    retain_on_delete: bool
    delete_before_replace: bool
    urn: str = field(default="", compare=False)


class _Mocks(mocks.Mocks):
    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        outputs = dict(args.inputs)
        if args.typ == "docker:index/remoteImage:RemoteImage":
            outputs["imageId"] = f"sha256:image-of-{args.name}"
        return f"id-of-{args.name}", outputs

    def call(self, args: mocks.MockCallArgs) -> dict[Any, Any]:
        raise AssertionError(f"{args.token} is called; the program should need no invoke")


class _Monitor(mocks.MockMonitor):
    def __init__(self) -> None:
        super().__init__(_Mocks())
        self.seen: list[Registered] = []

    def RegisterResource(self, request: Any) -> Any:
        inputs, secret = _unwrap(json_format.MessageToDict(request.object))
        self.seen.append(
            Registered(
                request.type,
                request.name,
                request.parent,
                inputs,
                frozenset(secret),
                request.protect,
                request.retainOnDelete,
                request.deleteBeforeReplace,
            )
        )
        return super().RegisterResource(request)


_SECRET = "4dabf18193072939515e22adb298388d"


def _unwrap(value: Any, path: str = "") -> tuple[Any, set[str]]:
    if isinstance(value, dict):
        if _SECRET in value:
            return _unwrap(value["value"], path)[0], {path}
        parts = {key: _unwrap(child, f"{path}.{key}".strip(".")) for key, child in value.items()}
        return {key: part[0] for key, part in parts.items()}, {leaf for part in parts.values() for leaf in part[1]}
    if isinstance(value, list):
        items = [_unwrap(child, f"{path}[]") for child in value]
        return [item[0] for item in items], {leaf for item in items for leaf in item[1]}
    return value, set()


def graph(tenant: Any, secrets: Any = None) -> list[Registered]:
    """Runs `TenantMail` against mocks and returns every registration, in order."""
    monitor = _Monitor()
    mocks.set_mocks(_Mocks(), project="mailtenant", stack=tenant.label, preview=False, monitor=monitor)

    @pulumi.runtime.test
    def program() -> None:
        TenantMail(tenant.label, tenant, secrets or samples.secrets(tenant))

    program()
    return monitor.seen
