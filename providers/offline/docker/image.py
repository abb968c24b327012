"""`docker:index/remoteImage:RemoteImage`: an image found on the engine, else pulled. The id is `<image id><name>`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from .engine import Engine, EngineError, Missing
from .objects import Found, Values

computed: Sequence[str] = ("imageId", "repoDigest")

_ID = re.compile(r"(sha256:[0-9a-f]{64})(.+)")


def create(engine: Engine, inputs: Values, timeout: float) -> Found:
    return _found(inputs["name"], find_or_pull(engine, inputs["name"]))


def read(engine: Engine, id_: str, state: Values) -> Found | None:
    parts = _ID.fullmatch(id_)
    name = state.get("name") or (parts[2] if parts else "")
    if not name:
        raise EngineError(f"{id_} is no id of a RemoteImage: write the image id and the name, sha256:…name:tag")
    try:
        with engine.doing(f"Unable to read image {name}") as api:
            return _found(name, api.inspect_image(name))
    except Missing:
        return None


def update(engine: Engine, id_: str, state: Values, inputs: Values) -> Values:
    return _found(inputs["name"], find_or_pull(engine, inputs["name"])).values


def delete(engine: Engine, id_: str, state: Values, timeout: float) -> None:
    if state.get("keepLocally"):
        return
    try:
        with engine.doing(f"Unable to remove image {state['name']}") as api:
            api.remove_image(state["name"], force=bool(state.get("forceRemove")))
    except Missing:
        return


def find_or_pull(engine: Engine, name: str) -> Any:
    """The engine's record of an image; one that is only known locally is never asked of a registry."""
    try:
        with engine.doing(f"Unable to read image {name}") as api:
            return api.inspect_image(name)
    except Missing:
        if name.startswith("sha256:"):
            raise Missing(f"image {name} is not on the engine, and an id cannot be pulled: build or load it") from None
    try:
        with engine.doing(f"Unable to pull image {name}") as api:
            repository, _, tag = name.rpartition(":") if ":" in name.rpartition("/")[2] else (name, "", "latest")
            for line in api.pull(repository, tag=tag, stream=True, decode=True):
                if "error" in line:
                    raise EngineError(f"Unable to pull image {name}: {line['error']}")
            return api.inspect_image(name)
    except EngineError as error:
        advice = f"build or load it on the engine at {engine.host}, or make its registry reachable"
        raise EngineError(f"{error}; {advice}") from None


def _found(name: str, seen: Any) -> Found:
    digests = seen.get("RepoDigests") or [""]
    return Found(seen["Id"] + name, {"name": name, "imageId": seen["Id"], "repoDigest": digests[0]})
