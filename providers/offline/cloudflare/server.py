"""The provider: one resource type, blocking calls off the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

from pulumi.provider.experimental import provider as sdk

from mailtenant.dns.cloudflare_api import DEFAULT_URL, Api
from providers.shared.errors import ProviderError
from providers.shared.settings import refused
from providers.shared.values import UNKNOWN, plain_map, secret_keys, wrap

from . import inputs as table

VERSION: Final = "6.23.1"
"""The SDK's version: the Pulumi engine looks for a plugin of exactly this one."""
TITLE: Final = "the offline Cloudflare plugin"
_SETTINGS: Final = ("apiToken", "baseUrl")
_T = TypeVar("_T")


class OfflineCloudflare(sdk.Provider):
    """The `cloudflare` provider for `DnsRecord`."""

    def __init__(self) -> None:
        self._api: Api | None = None
        # Cloudflare allows 1,200 requests in five minutes: a few at a time.
        self._workers = ThreadPoolExecutor(max_workers=4, thread_name_prefix="cloudflare")

    async def get_schema(self, request: sdk.GetSchemaRequest) -> sdk.GetSchemaResponse:
        raise ProviderError("the offline Cloudflare plugin has no schema: use `pulumi import --generate-code=false`")

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
        token = settings.get("apiToken")
        if token and token != UNKNOWN:
            self._api = Api(str(token), str(settings.get("baseUrl") or DEFAULT_URL))
        return sdk.ConfigureResponse(accept_secrets=True, supports_preview=True)

    async def check(self, request: sdk.CheckRequest) -> sdk.CheckResponse:
        _only_records(request)
        inputs = table.given(plain_map(request.new_inputs))
        failures = [sdk.CheckFailure(key, reason) for key, reason in table.problems(inputs)]
        return sdk.CheckResponse(inputs=wrap(inputs, secret_keys(request.new_inputs)), failures=failures)

    async def diff(self, request: sdk.DiffRequest) -> sdk.DiffResponse:
        _only_records(request)
        state, inputs = plain_map(request.old_state), plain_map(request.new_inputs)
        ignored = set(request.ignore_changes)
        changed = [key for key in table.changed(state, inputs) if key not in ignored]
        # `content` of a record written by its `data` is the API's own.
        changed = [key for key in changed if not (key == "content" and inputs.get("data"))]
        replaces = [key for key in changed if key in table.REPLACES]
        kinds = {key: _kind(state.get(key), inputs.get(key), key in replaces) for key in changed}
        return sdk.DiffResponse(
            changes=bool(changed),
            diffs=changed,
            replaces=replaces,
            detailed_diff={key: sdk.PropertyDiff(kind, True) for key, kind in kinds.items()},
        )

    async def create(self, request: sdk.CreateRequest) -> sdk.CreateResponse:
        _only_records(request)
        inputs, secrets = plain_map(request.properties), secret_keys(request.properties)
        if request.preview:
            unknown = dict.fromkeys(("createdOn", "modifiedOn", "proxiable"), UNKNOWN)
            return sdk.CreateResponse(properties=wrap({**unknown, **inputs}, secrets))
        record = await self._run(lambda api: api.create(inputs["zoneId"], table.body(inputs)))
        return sdk.CreateResponse(record["id"], wrap(table.outputs(inputs, record), secrets))

    async def read(self, request: sdk.ReadRequest) -> sdk.ReadResponse:
        _only_records(request)
        state, inputs = plain_map(request.properties), plain_map(request.inputs)
        secrets = secret_keys(request.properties) | secret_keys(request.inputs)
        zone_id, id_ = str(state.get("zoneId") or ""), request.resource_id
        importing = not state
        if importing:
            zone_id, _, id_ = id_.partition("/")
            if not id_:
                raise ProviderError("import needs `<zone id>/<record id>`")
        record = await self._run(lambda api: api.read(zone_id, id_))
        if record is None and importing:
            raise ProviderError("the record to import is not in the zone: take the snapshot anew")
        if record is None:
            return sdk.ReadResponse(resource_id="")
        found = table.live(zone_id, record)
        recorded = table.refreshed(table.given(inputs), found) if inputs else found
        outputs = table.refreshed(state, found) if state else {}
        return sdk.ReadResponse(
            record["id"], wrap({**table.outputs({}, record), **outputs, **recorded}, secrets), wrap(recorded, secrets)
        )

    async def update(self, request: sdk.UpdateRequest) -> sdk.UpdateResponse:
        _only_records(request)
        state, inputs = plain_map(request.olds), plain_map(request.news)
        secrets = secret_keys(request.news)
        if request.preview:
            kept = {key: value for key, value in state.items() if key not in table.KNOWN}
            return sdk.UpdateResponse(wrap({**kept, **inputs}, secrets))
        record = await self._run(lambda api: api.update(inputs["zoneId"], request.resource_id, table.body(inputs)))
        return sdk.UpdateResponse(wrap(table.outputs(inputs, record), secrets))

    async def delete(self, request: sdk.DeleteRequest) -> None:
        _only_records(request)
        zone_id = str(plain_map(request.properties)["zoneId"])
        await self._run(lambda api: api.delete(zone_id, request.resource_id))

    async def _run(self, work: Callable[[Api], _T]) -> _T:
        api = self._api
        if api is None:
            raise ProviderError("cloudflare: `apiToken` is not set")
        return await asyncio.get_running_loop().run_in_executor(self._workers, lambda: work(api))


def _only_records(request: Any) -> None:
    """The resource's own type stands behind those of its parents, joined by `$` (as a URN does)."""
    type_ = str(request.type).rpartition("$")[2]
    if type_ != table.RECORD:
        raise ProviderError(f"the offline Cloudflare plugin does not implement {type_}; it implements {table.RECORD}")


def _kind(old: Any, new: Any, replaces: bool) -> sdk.PropertyDiffKind:
    kinds = sdk.PropertyDiffKind
    if old in (None, [], {}):
        return kinds.ADD_REPLACE if replaces else kinds.ADD
    if new in (None, [], {}):
        return kinds.DELETE_REPLACE if replaces else kinds.DELETE
    return kinds.UPDATE_REPLACE if replaces else kinds.UPDATE
