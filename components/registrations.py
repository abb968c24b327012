"""A program's resource graph without an engine: what it would register, raw, collected while it runs against mocks.

Only the raw requests hold protection, aliases and dependencies; the mocks' own callbacks do not see them. Outputs that
only the engine knows (an id, an image's id) stand as markers (`[id of …]`), the same in every run, so that two runs
can be compared.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import pulumi
from google.protobuf import json_format  # type: ignore[import-untyped]
from pulumi.runtime import mocks, settings

IMAGE: Final = "docker:index/remoteImage:RemoteImage"
_SECRET: Final = "4dabf18193072939515e22adb298388d"  # noqa: S105 (the engine's mark of a secret value)
Invoke = Callable[[str, Mapping[str, Any]], Mapping[str, Any]]


@dataclass(frozen=True)
class Registered:
    """One resource as the engine would get it; `inputs` in wire names, secrets unwrapped and named in `secret`.

    `dependencies` maps an input to the URNs that its value comes from; `aliases` are the raw requests'.
    `after`: URNs of all that must be there before.
    """

    type: str
    name: str
    parent: str
    inputs: dict[str, Any]
    secret: frozenset[str]
    protect: bool
    retain_on_delete: bool
    delete_before_replace: bool
    urn: str = field(default="", compare=False)
    custom: bool = True
    replace_on_changes: tuple[str, ...] = ()
    ignore_changes: tuple[str, ...] = ()
    import_id: str = ""
    dependencies: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    aliases: tuple[Mapping[str, Any], ...] = ()
    after: tuple[str, ...] = field(default=(), compare=False)


@dataclass(frozen=True)
class Registrations:
    """Every resource in the order of registration; outputs of components by URN."""

    resources: tuple[Registered, ...]
    outputs: Mapping[str, Mapping[str, Any]]


def registrations(
    program: Callable[[], object], project: str, stack: str, invoke: Invoke | None = None
) -> Registrations:
    """Runs the program against mocks. Without `invoke` it must need no invoke.

    Raises: what the program raises.
    """
    monitor = _Monitor(project, stack, invoke)
    # The SDK takes the thread's event loop, which is gone where `asyncio.run` ran before.
    asyncio.set_event_loop(asyncio.new_event_loop())
    settings.set_root_resource(None)  # type: ignore[arg-type]  # a stack of its own, whatever ran before
    mocks.set_mocks(monitor.mocks, project=project, stack=stack, preview=False, monitor=monitor)
    settings.SETTINGS.callbacks = _NoCallbacks()
    pulumi.runtime.test(program)()  # type: ignore[no-untyped-call]
    return Registrations(tuple(monitor.seen), monitor.outputs)


class _Mocks(mocks.Mocks):
    def __init__(self, invoke: Invoke | None) -> None:
        self._invoke = invoke

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        outputs = dict(args.inputs)
        if args.typ == IMAGE:
            outputs["imageId"] = f"sha256:[id of the image {args.inputs.get('name')}]"
        return f"[id of {args.name}]", outputs

    def call(self, args: mocks.MockCallArgs) -> dict[Any, Any]:  # type: ignore[override]
        if self._invoke is None:
            raise AssertionError(f"{args.token} is called; the program should need no invoke")
        return dict(self._invoke(args.token, args.args))


class _NoCallbacks:
    """Takes a program's hooks and never calls them: they are for runs that change something."""

    def register_resource_hook(self, hook: pulumi.ResourceHook) -> None:
        pass

    async def shutdown(self) -> None:
        pass


class _Monitor(mocks.MockMonitor):
    def __init__(self, project: str, stack: str, invoke: Invoke | None) -> None:
        super().__init__(_Mocks(invoke))
        self._project, self._stack = project, stack
        self.seen: list[Registered] = []
        self.outputs: dict[str, Mapping[str, Any]] = {}

    def make_urn(self, parent: str, type_: str, name: str) -> str:
        # As the engine: the stack itself is no part of its children's qualified type.
        above = parent.split("::")[2] if parent else ""
        qualified = f"{above}${type_}" if above and above != "pulumi:pulumi:Stack" else type_
        return f"urn:pulumi:{self._stack}::{self._project}::{qualified}::{name}"

    def RegisterResource(self, request: Any) -> Any:
        inputs, secret = unwrap(json_format.MessageToDict(request.object))
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
                self.make_urn(request.parent, request.type, request.name),
                request.custom,
                tuple(request.replaceOnChanges),
                tuple(request.ignoreChanges),
                request.importId,
                {key: tuple(value.urns) for key, value in request.propertyDependencies.items() if value.urns},
                tuple(json_format.MessageToDict(alias) for alias in request.aliases),
                tuple(sorted(request.dependencies)),
            )
        )
        return super().RegisterResource(request)  # type: ignore[no-untyped-call]

    def RegisterResourceOutputs(self, request: Any) -> Any:
        self.outputs[request.urn] = unwrap(json_format.MessageToDict(request.outputs))[0]
        return super().RegisterResourceOutputs(request)  # type: ignore[no-untyped-call]


def unwrap(value: Any, path: str = "") -> tuple[Any, set[str]]:
    """A plain value, and the paths in it that were secret (`uploads[].content`)."""
    if isinstance(value, dict):
        if _SECRET in value:
            return unwrap(value.get("value"), path)[0], {path}
        parts = {key: unwrap(child, f"{path}.{key}".strip(".")) for key, child in value.items()}
        return {key: part[0] for key, part in parts.items()}, {leaf for part in parts.values() for leaf in part[1]}
    if isinstance(value, list):
        items = [unwrap(child, f"{path}[]") for child in value]
        return [item[0] for item in items], {leaf for item in items for leaf in item[1]}
    return value, set()
