"""Stack files for tests, with encrypted-looking secrets."""

import base64
from pathlib import Path
from typing import Any

import yaml
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from mailtenant.settings import StackFile, load_stack_file, parse_settings
from tests.unit.settings.example import example_document

SEALED = {"secure": "v1:bm9uY2U=:c2VhbGVk"}
SALT = "v1:AAAAAAAAAAA=:v1:AAAAAAAAAAAAAAAA:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=="


def public_key(number: int) -> str:
    """A public key of its own for each number; nobody has the private one."""
    key = rsa.RSAPublicNumbers(65537, (1 << 2047) + 2 * number + 1).public_key()
    return base64.b64encode(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()


def sealed_secrets(document: dict[str, Any]) -> dict[str, Any]:
    """The tree of leaves that the document needs."""
    tree: dict[str, Any] = {}
    for *way, last in parse_settings(document).secret_leaves():
        place = tree
        for part in way:
            place = place.setdefault(part, {})
        place[last] = dict(SEALED)
    return tree


def stack_value(document: dict[str, Any]) -> dict[str, Any]:
    """A whole stack file as a value."""
    return {
        "encryptionsalt": SALT,
        "config": {"mailtenant:tenant": document, "mailtenant:secrets": sealed_secrets(document)},
    }


def write(folder: Path, value: object, name: str = "Pulumi.acme.yaml") -> Path:
    """Writes a stack file below `folder`/stacks."""
    path = folder / "stacks" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(yaml.safe_dump(value, sort_keys=False, allow_unicode=True), encoding="utf-8")
    return path


def a_stack_file(
    folder: Path, label: str, number: int, *domains: str, platform_domain: str = "outboxment.test", **changes: Any
) -> StackFile:
    """A valid stack file with addresses of its own, by number."""
    document = example_document(label, *domains, platform_domain=platform_domain)
    document["edge"]["address"] = f"10.99.{1 + number // 200}.{10 + number % 200}"
    document["internal"]["subnet"] = f"10.98.{number // 16}.{16 * (number % 16)}/28"
    document["publish"] = f"127.0.{1 + number // 200}.{1 + number % 200}"
    for key in (*document["host_dkim"], *(key for domain in document["domains"] for key in domain["dkim"])):
        key["public_key"] = public_key(number)
    for name, value in changes.items():
        document[name] = document.get(name, {}) | value if isinstance(value, dict) else value
    value = stack_value(document) | {"encryptionsalt": f"v1:{number:011d}=:v1:AAAAAAAAAAAAAAAA:AAAA"}
    return load_stack_file(write(folder, value, f"Pulumi.{label}.yaml"))
