"""What a tenant's `up` depends on, as one hash: equal inputs, nothing to do.

It is taken from what the program makes of the settings (rendered files, records), not from the templates, so a changed
template touches only the tenants whose files really change. Code that decides on resources counts as a whole.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from mailtenant.dns import local_zones, policies, records
from mailtenant.rendering import render_tenant
from mailtenant.settings.existing import EXISTING
from mailtenant.settings.secret_leaves import SECRETS
from mailtenant.settings.stackfile import StackFile

TREE: Final = Path(__file__).resolve().parents[2]
OUTPUT: Final = "fleetInputs"
"""The stack output that a fleet's `up` leaves. An `up` by hand drops it, so that it never says too much."""
# The rest of `mailtenant` reaches a stack only through settings, files and records, which are hashed themselves.
_CODE: Final = ("components/**/*.py", "mailtenant/rendering/services.py", "mailtenant/settings/size.py",
                "mailtenant/secrets.py")  # fmt: skip
_PACKAGES: Final = ("pulumi", "pulumi-docker", "pulumi-cloudflare")


def code_hash(project: Path, tree: Path = TREE) -> str:
    """The program, the components, what runs containers, and the SDKs' versions: hex."""
    digest = hashlib.sha256()
    for path in sorted({project / "stacks" / "__main__.py", *(p for glob in _CODE for p in tree.glob(glob))}):
        digest.update(path.name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    for package in _PACKAGES:
        digest.update(f"{package}={version(package)}\0".encode())
    return digest.hexdigest()


def input_hash(stack_file: StackFile, code: str, images: Mapping[str, str]) -> str:
    """64 hex digits. `code` is `code_hash`; `images` maps a tag `mailtenant/<service>:<release>` to its id on the
    engine (empty: not looked at).

    Secrets count as they are encrypted, so a new encryption of the same value counts as a change.

    Raises: PlanRefused, UnsafeValue: a tenant that could not come up either.
    """
    digest = hashlib.sha256()
    for part in _parts(stack_file, code, images):
        text = json.dumps(part, sort_keys=True, ensure_ascii=True, default=str).encode()
        digest.update(len(text).to_bytes(8, "big") + text)
    return digest.hexdigest()


def _parts(stack_file: StackFile, code: str, images: Mapping[str, str]) -> Iterator[Any]:
    settings, existing, phase = stack_file.settings, stack_file.existing, stack_file.dns_phase
    config = stack_file.document.value["config"]
    yield code
    yield sorted((tag, id_) for tag, id_ in images.items() if tag.endswith(f":{settings.release}"))
    yield settings.model_dump(mode="json", by_alias=True)
    yield config.get(SECRETS)
    yield config.get(EXISTING)
    yield phase
    zones = local_zones(settings, existing, phase)
    files = render_tenant(settings, zones=zones, policies=policies(settings, existing, phase))
    yield [[file.tree_path, file.content] for file in files]
    yield [[r.name, r.type, r.value, r.ttl] for r in records(settings, existing, phase)]
