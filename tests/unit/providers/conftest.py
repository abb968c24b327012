"""The plugin as the Pulumi engine meets it: a real process, real gRPC, no CLI and no Docker engine."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import struct_pb2
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from providers.shared.values import wrap

TREE = Path(__file__).resolve().parents[3]


class Plugin:
    """Calls of the engine with plain values."""

    def __init__(self, port: str) -> None:
        self.channel = grpc.insecure_channel(f"127.0.0.1:{port}")
        self.stub = provider_pb2_grpc.ResourceProviderStub(self.channel)

    def configure(self, **settings: Any) -> Any:
        request = provider_pb2.ConfigureRequest(args=properties(settings), acceptSecrets=True)
        return self.stub.Configure(request)

    def check(self, type_: str, inputs: dict[str, Any], secrets: tuple[str, ...] = ()) -> Any:
        return self.stub.Check(provider_pb2.CheckRequest(urn=urn(type_), news=properties(inputs, secrets)))

    def create(self, type_: str, inputs: struct_pb2.Struct, preview: bool = False) -> Any:
        return self.stub.Create(provider_pb2.CreateRequest(urn=urn(type_), properties=inputs, preview=preview))


def urn(type_: str) -> str:
    return f"urn:pulumi:test::project::{type_}::web"


def properties(values: dict[str, Any], secrets: tuple[str, ...] = ()) -> struct_pb2.Struct:
    from pulumi.provider.experimental.property_value import PropertyValue

    return PropertyValue.marshal_map(wrap(values, secrets))


@pytest.fixture(scope="module")
def plugin() -> Iterator[Plugin]:
    """One process, configured for an engine that does not exist."""
    process = subprocess.Popen(
        [sys.executable, "-m", "providers.offline.docker", "127.0.0.1:1"],
        cwd=TREE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        started = Plugin(process.stdout.readline().strip())
        started.configure(host="unix:///nonexistent/docker.sock")
        yield started
        started.channel.close()
    finally:
        process.terminate()
        _, complaints = process.communicate(timeout=10)
    assert complaints == "", "the Pulumi CLI shows everything that a plugin writes there"
