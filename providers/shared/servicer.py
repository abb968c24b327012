"""The SDK's gRPC servicer, with what it lacks: errors as one sentence, the state of a half-made object, Attach."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Awaitable, Callable
from typing import Any, NoReturn

import grpc  # type: ignore[import-untyped]
import grpc.aio  # type: ignore[import-untyped]
from google.protobuf import empty_pb2  # type: ignore[import-untyped]
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.provider.experimental.provider import Provider
from pulumi.provider.experimental.server import ProviderServicer
from pulumi.runtime._grpc_settings import _GRPC_CHANNEL_OPTIONS
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc, status_pb2

from mailtenant.rest import ApiError

from .errors import PartialState, ProviderError


class Servicer(ProviderServicer):
    """Turns ProviderError into a plain gRPC error: the SDK alone would add the exception's type and a stack trace."""

    async def GetSchema(self, request: Any, context: Any) -> Any:
        return await _answer(super().GetSchema(request, context), context)

    async def Configure(self, request: Any, context: Any) -> Any:
        return await _answer(super().Configure(request, context), context)

    async def Diff(self, request: Any, context: Any) -> Any:
        return await _answer(super().Diff(request, context), context)

    async def Create(self, request: Any, context: Any) -> Any:
        try:
            return await _answer(super().Create(request, context), context)  # type: ignore[no-untyped-call]
        except PartialState as error:
            await _abort_with_state(context, error)

    async def Read(self, request: Any, context: Any) -> Any:
        return await _answer(super().Read(request, context), context)  # type: ignore[no-untyped-call]

    async def Update(self, request: Any, context: Any) -> Any:
        return await _answer(super().Update(request, context), context)  # type: ignore[no-untyped-call]

    async def Delete(self, request: Any, context: Any) -> Any:
        return await _answer(super().Delete(request, context), context)  # type: ignore[no-untyped-call]

    async def Attach(self, request: Any, context: Any) -> Any:
        """PULUMI_DEBUG_PROVIDERS=<name>:<port> needs this."""
        return empty_pb2.Empty()


async def _answer(call: Awaitable[Any], context: Any) -> Any:
    try:
        return await call
    except (ProviderError, ApiError) as error:
        await context.abort(grpc.StatusCode.UNKNOWN, str(error))


async def _abort_with_state(context: Any, error: PartialState) -> NoReturn:
    detail = provider_pb2.ErrorResourceInitFailed(
        id=error.id, properties=PropertyValue.marshal_map(error.properties), reasons=[str(error)]
    )
    status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=str(error))
    status.details.add().Pack(detail)
    context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
    await context.abort(grpc.StatusCode.UNKNOWN, str(error))
    raise AssertionError("abort always raises")


async def serve(provider: Provider, version: str, engine_address: str) -> None:
    """Listens on a free loopback port and prints it: the first and only line on standard output."""
    server = grpc.aio.server(options=_GRPC_CHANNEL_OPTIONS)
    servicer = Servicer([], version, provider, engine_address=engine_address)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    await server.wait_for_termination()


def run(provider: Callable[[], Provider], version: str) -> None:
    """The plugin's program: serves until the Pulumi engine ends the process, whose address is the first argument."""
    addresses = [argument for argument in sys.argv[1:] if not argument.startswith("-")]
    if not addresses:
        sys.exit("the Pulumi CLI starts this plugin with its own address; it is not run by hand")
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(provider(), version, addresses[0]))
