"""The provider itself: dispatch by type, secrets kept, blocking work off the event loop. No Docker knowledge here."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

from pulumi.provider.experimental import provider as sdk

from providers.shared.errors import PartialState
from providers.shared.values import FAILED, plain_map, redact, secret_keys, secret_texts, wrap

from . import container, image, network, states, volume
from .checks import Problem, check_provider, check_resource
from .diffs import Difference, differences
from .engine import Engine, EngineError
from .inputs import RESOURCES
from .objects import HalfMade, ResourceType

VERSION: Final = "5.2.0"
"""The SDK's version: the Pulumi engine looks for a plugin of exactly this one."""

_TYPES: Final[Mapping[str, ResourceType]] = {
    "docker:index/network:Network": network,
    "docker:index/volume:Volume": volume,
    "docker:index/remoteImage:RemoteImage": image,
    "docker:index/container:Container": container,
}

_KINDS: Final = {
    ("add", False): sdk.PropertyDiffKind.ADD,
    ("add", True): sdk.PropertyDiffKind.ADD_REPLACE,
    ("delete", False): sdk.PropertyDiffKind.DELETE,
    ("delete", True): sdk.PropertyDiffKind.DELETE_REPLACE,
    ("update", False): sdk.PropertyDiffKind.UPDATE,
    ("update", True): sdk.PropertyDiffKind.UPDATE_REPLACE,
}

_T = TypeVar("_T")


class OfflineDocker(sdk.Provider):
    """The `docker` provider for the types in `inputs.RESOURCES`."""

    def __init__(self) -> None:
        self._engine = Engine()
        # One thread a resource: a container that waits for its health must not hold up the others.
        self._workers = ThreadPoolExecutor(max_workers=32, thread_name_prefix="docker")

    async def get_schema(self, request: sdk.GetSchemaRequest) -> sdk.GetSchemaResponse:
        raise EngineError("the offline Docker plugin has no schema: use `pulumi import --generate-code=false`")

    async def check_config(self, request: sdk.CheckRequest) -> sdk.CheckResponse:
        _, problems = check_provider(plain_map(request.new_inputs))
        return sdk.CheckResponse(inputs=request.new_inputs, failures=_failures(problems))

    async def configure(self, request: sdk.ConfigureRequest) -> sdk.ConfigureResponse:
        settings = {key.rpartition(":")[2]: value for key, value in request.variables.items()}
        settings |= plain_map(request.args)
        _, problems = check_provider(settings)
        if problems:
            raise EngineError("; ".join(f"docker:{one.path}: {one.reason}" for one in problems))
        self._engine = Engine(str(settings.get("host") or ""))
        # No outputs and no resource references: this SDK cannot read an unknown output back.
        return sdk.ConfigureResponse(accept_secrets=True, supports_preview=True)

    async def check(self, request: sdk.CheckRequest) -> sdk.CheckResponse:
        inputs, problems = check_resource(
            _token(request),
            request.name,
            plain_map(request.old_inputs),
            plain_map(request.new_inputs),
            request.random_seed,
        )
        return sdk.CheckResponse(inputs=wrap(inputs, secret_keys(request.new_inputs)), failures=_failures(problems))

    async def diff(self, request: sdk.DiffRequest) -> sdk.DiffResponse:
        _type(_token(request))
        secrets = secret_keys(request.old_state) | secret_keys(request.new_inputs)
        state, inputs = plain_map(request.old_state), plain_map(request.new_inputs)
        every = differences(_token(request), state, inputs, secrets)
        found = [one for one in every if not _ignored(one.path, request.ignore_changes)]
        return sdk.DiffResponse(
            changes=bool(found),
            diffs=_tops(found),
            replaces=_tops([one for one in found if one.replaces]),
            detailed_diff={one.path: sdk.PropertyDiff(_KINDS[one.change, one.replaces], True) for one in found},
            # What never worked is removed first: its name and ports are taken.
            delete_before_replace=bool(state.get(FAILED)),
        )

    async def create(self, request: sdk.CreateRequest) -> sdk.CreateResponse:
        kind, table = _type(_token(request)), RESOURCES[_token(request)]
        inputs, secrets = plain_map(request.properties), secret_keys(request.properties)
        if request.preview:
            return sdk.CreateResponse(properties=wrap(states.planned(table, inputs, kind.computed), secrets))
        hidden = secret_texts(inputs, secrets)
        try:
            found = await self._on_engine(hidden, lambda: kind.create(self._engine, inputs, request.timeout))
        except HalfMade as error:
            outputs = wrap({**states.created(table, inputs, {}), FAILED: True}, secrets)
            raise PartialState(error.id, outputs, redact(str(error), hidden)) from None
        return sdk.CreateResponse(found.id, wrap(states.created(table, inputs, found.values), secrets))

    async def read(self, request: sdk.ReadRequest) -> sdk.ReadResponse:
        kind, table = _type(_token(request)), RESOURCES[_token(request)]
        state, inputs = plain_map(request.properties), plain_map(request.inputs)
        secrets = secret_keys(request.properties) | secret_keys(request.inputs)
        hidden = secret_texts(state, secrets)
        found = await self._on_engine(hidden, lambda: kind.read(self._engine, request.resource_id, state))
        if found is None and not state:  # an import: an empty id alone would be taken for an empty object
            raise EngineError(f"{request.resource_id} does not exist on the Docker engine at {self._engine.host}")
        if found is None:
            return sdk.ReadResponse(resource_id="")
        if inputs:
            recorded = states.refreshed_inputs(table, inputs, found.values)
        else:
            recorded = states.imported_inputs(table, found.values)
        outputs = states.refreshed(table, state, found.values)
        return sdk.ReadResponse(found.id, wrap(outputs, secrets), wrap(recorded, secrets))

    async def update(self, request: sdk.UpdateRequest) -> sdk.UpdateResponse:
        kind, table = _type(_token(request)), RESOURCES[_token(request)]
        state, inputs = plain_map(request.olds), plain_map(request.news)
        secrets = secret_keys(request.news)
        changed: dict[str, Any] = {}
        if not request.preview:
            hidden = secret_texts(inputs, secrets)
            changed = await self._on_engine(
                hidden, lambda: kind.update(self._engine, request.resource_id, state, inputs)
            )
        return sdk.UpdateResponse(wrap(states.updated(table, inputs, state, changed), secrets))

    async def delete(self, request: sdk.DeleteRequest) -> None:
        kind = _type(_token(request))
        state = plain_map(request.properties)
        hidden = secret_texts(state, secret_keys(request.properties))
        await self._on_engine(hidden, lambda: kind.delete(self._engine, request.resource_id, state, request.timeout))

    async def cancel(self) -> None:
        self._engine.cancel()

    async def _on_engine(self, hidden: tuple[str, ...], work: Callable[[], _T]) -> _T:
        """Runs blocking work in a thread; no secret leaves in an error."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._workers, work)
        except EngineError as error:
            raise EngineError(redact(str(error), hidden)) from None


def _token(request: Any) -> str:
    """The resource's own type: a request names it behind those of its parents, joined by `$` (as a URN does)."""
    return str(request.type).rpartition("$")[2]


def _type(name: str) -> ResourceType:
    if name not in _TYPES:
        raise EngineError(f"the offline Docker plugin does not implement {name}")
    return _TYPES[name]


def _ignored(path: str, ignored: list[str]) -> bool:
    """Is the path, or what it lies in, named by `ignore_changes`?"""
    return any(path == one or path.startswith((f"{one}.", f"{one}[")) for one in ignored)


def _tops(found: list[Difference]) -> list[str]:
    """The inputs that the paths lie in, each once."""
    return list(dict.fromkeys(one.path.partition("[")[0].partition(".")[0] for one in found))


def _failures(problems: list[Problem]) -> list[sdk.CheckFailure]:
    return [sdk.CheckFailure(one.path, one.reason) for one in problems]
