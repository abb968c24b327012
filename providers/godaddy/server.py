"""The provider: one resource type, every write a read, a merge and, if anything differs, one PUT."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from threading import Lock
from typing import Any, Final, TypeVar

from pulumi.provider.experimental import provider as sdk

from mailtenant.dns.godaddy_api import DEFAULT_URL, Api, Value, clean
from mailtenant.dns.ttl import FLOORS
from providers.shared.errors import ProviderError
from providers.shared.settings import refused
from providers.shared.values import UNKNOWN, has_unknown, plain_map, secret_keys, wrap

from .merge import identity, merged, same_set, seen

VERSION: Final = "2026.11.0"
TOKEN: Final = "godaddy:index:RecordSet"  # noqa: S105
TYPES: Final = ("A", "AAAA", "CNAME", "MX", "SRV", "TXT")
FLOOR: Final = FLOORS["godaddy"]
_LISTS: Final = ("values", "replaced", "before")
_PLACE: Final = ("domain", "name", "type")
TITLE: Final = "the GoDaddy provider"
_SETTINGS: Final = ("key", "secret", "baseUrl")
_T = TypeVar("_T")


class Godaddy(sdk.Provider):
    """The `godaddy` provider."""

    def __init__(self) -> None:
        self._api: Api | None = None
        self._locks: dict[str, Lock] = defaultdict(Lock)

    async def get_schema(self, request: sdk.GetSchemaRequest) -> sdk.GetSchemaResponse:
        return sdk.GetSchemaResponse(Path(__file__).with_name("schema.json").read_text(encoding="utf-8"))

    async def check_config(self, request: sdk.CheckRequest) -> sdk.CheckResponse:
        failures = [
            sdk.CheckFailure(key, reason) for key, reason in refused(TITLE, _SETTINGS, plain_map(request.new_inputs))
        ]
        return sdk.CheckResponse(inputs=request.new_inputs, failures=failures)

    async def configure(self, request: sdk.ConfigureRequest) -> sdk.ConfigureResponse:
        settings = {key.rpartition(":")[2]: value for key, value in request.variables.items()}
        settings |= plain_map(request.args)
        if wrong := refused(TITLE, _SETTINGS, settings):
            raise ProviderError("; ".join(reason for _, reason in wrong))
        key, secret = settings.get("key"), settings.get("secret")
        if key and secret and UNKNOWN not in (key, secret):
            self._api = Api(str(key), str(secret), str(settings.get("baseUrl") or DEFAULT_URL))
        return sdk.ConfigureResponse(accept_secrets=True, supports_preview=True)

    async def check(self, request: sdk.CheckRequest) -> sdk.CheckResponse:
        _only_sets(request)
        inputs = plain_map(request.new_inputs)
        failures = [sdk.CheckFailure(path, reason) for path, reason in problems(inputs)]
        return sdk.CheckResponse(inputs=request.new_inputs, failures=failures)

    async def diff(self, request: sdk.DiffRequest) -> sdk.DiffResponse:
        _only_sets(request)
        state, inputs = plain_map(request.old_state), plain_map(request.new_inputs)
        changed = [key for key in (*_PLACE, *_LISTS) if not _same(key, state.get(key), inputs.get(key))]
        changed = [key for key in changed if key not in request.ignore_changes]
        replaces = [key for key in changed if key in _PLACE]
        kinds = sdk.PropertyDiffKind
        return sdk.DiffResponse(
            changes=bool(changed),
            diffs=changed,
            replaces=replaces,
            detailed_diff={
                key: sdk.PropertyDiff(kinds.UPDATE_REPLACE if key in replaces else kinds.UPDATE, True)
                for key in changed
            },
            # The old set is given back before another one at the same place is written.
            delete_before_replace=bool(replaces),
        )

    async def create(self, request: sdk.CreateRequest) -> sdk.CreateResponse:
        _only_sets(request)
        inputs, secrets = plain_map(request.properties), secret_keys(request.properties)
        if not request.preview:
            await self._run(lambda api: self._bring(api, inputs, []))
        return sdk.CreateResponse("" if request.preview else _id(inputs), wrap(inputs, secrets))

    async def read(self, request: sdk.ReadRequest) -> sdk.ReadResponse:
        _only_sets(request)
        state = plain_map(request.properties)
        secrets = secret_keys(request.properties) | secret_keys(request.inputs)
        if state:
            live = await self._run(lambda api: api.read(state["domain"], state["type"], state["name"]))
            values = seen(live, state.get("values") or [])
            found = {**state, "values": state.get("values") if same_set(values, _values(state)) else values}
        else:
            parts = request.resource_id.split("/")
            if len(parts) != 3:
                raise ProviderError("import needs `<domain>/<type>/<name>`, the name relative to the domain")
            domain, type_, name = parts
            live = await self._run(lambda api: api.read(domain, type_, name))
            if not live:
                raise ProviderError(f"{domain} has no {type_} records at {name}")
            found = {"domain": domain, "name": name, "type": type_, "values": live}
        return sdk.ReadResponse(_id(found), wrap(found, secrets), wrap(found, secrets))

    async def update(self, request: sdk.UpdateRequest) -> sdk.UpdateResponse:
        _only_sets(request)
        state, inputs = plain_map(request.olds), plain_map(request.news)
        if not request.preview:
            await self._run(lambda api: self._bring(api, inputs, _values(state)))
        return sdk.UpdateResponse(wrap(inputs, secret_keys(request.news)))

    async def delete(self, request: sdk.DeleteRequest) -> None:
        _only_sets(request)
        state = plain_map(request.properties)
        given_back = {**state, "values": state.get("replaced") or []}
        await self._run(lambda api: self._bring(api, given_back, _values(state)))

    def _bring(self, api: Api, inputs: Mapping[str, Any], was_ours: list[Value]) -> None:
        """The set at GoDaddy as the inputs say. What an interrupted run has written already is not written again."""
        place = inputs["domain"], inputs["type"], inputs["name"]
        with self._locks["/".join(place)]:
            live = api.read(*place)
            lists = (_list(inputs, key) for key in _LISTS)
            wanted = merged(live, was_ours, *lists)
            if not same_set(live, wanted):
                api.write(*place, wanted)

    async def _run(self, work: Callable[[Api], _T]) -> _T:
        api = self._api
        if api is None:
            raise ProviderError("godaddy: `key` and `secret` are not set")
        return await asyncio.get_running_loop().run_in_executor(None, lambda: work(api))


def problems(inputs: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Input and what is wrong with it, every one at once; never the value."""
    for key in inputs:
        if key not in (*_PLACE, *_LISTS) and not key.startswith("__"):
            yield key, f"RecordSet has {', '.join((*_PLACE, *_LISTS))}, not `{key}`"
    for key in _PLACE:
        if not isinstance(inputs.get(key), str) or not inputs[key]:
            yield key, f"`{key}` must be a string that is not empty"
    if inputs.get("type") not in (*TYPES, UNKNOWN):
        yield "type", f"`type` must be one of {', '.join(TYPES)}; name servers and SOA are GoDaddy's own"
    if inputs.get("values") is None:
        yield "values", "`values` is missing"
    for key in _LISTS:
        held = inputs.get(key)
        if held is None or has_unknown(held):
            continue
        if not isinstance(held, list) or not all(isinstance(one, Mapping) for one in held):
            yield key, f"`{key}` must be a list of objects"
            continue
        for i, one in enumerate(held):
            yield from _value_problems(f"{key}[{i}]", key, str(inputs.get("type")), one)
        if key == "values" and len({identity(one) for one in held}) < len(held):
            yield key, "two values are the same"


def _value_problems(path: str, key: str, type_: str, value: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if not isinstance(value.get("data"), str) or not value["data"]:
        yield f"{path}.data", f"`{path}.data` must be a string that is not empty"
    ttl = value.get("ttl")
    if not isinstance(ttl, int) or (key == "values" and ttl < FLOOR):
        yield f"{path}.ttl", f"`{path}.ttl` must be a whole number, {FLOOR} s or more"
    numbers = {"MX": ("priority",), "SRV": ("priority", "weight", "port")}.get(type_, ())
    for number in numbers:
        if not isinstance(value.get(number), int):
            yield f"{path}.{number}", f"`{path}.{number}` must be a whole number for {type_}"


def _same(key: str, old: Any, new: Any) -> bool:
    if key in _PLACE:
        return bool(old == new)
    if has_unknown(new):
        return False
    left, right = [clean(one) for one in old or []], [clean(one) for one in new or []]
    # The order of `before` counts: it is where things are put back to.
    return left == right if key == "before" else same_set(left, right)


def _list(inputs: Mapping[str, Any], key: str) -> list[Value]:
    return [clean(one) for one in inputs.get(key) or []]


def _values(state: Mapping[str, Any]) -> list[Value]:
    return _list(state, "values")


def _id(inputs: Mapping[str, Any]) -> str:
    return f"{inputs['domain']}/{inputs['type']}/{inputs['name']}"


def _only_sets(request: Any) -> None:
    type_ = str(request.type).rpartition("$")[2]
    if type_ != TOKEN:
        raise ProviderError(f"the GoDaddy provider has {TOKEN} and nothing else")
