"""The secret half of a stack file, and the secret files that the services get from it.

Values stay `SecretStr` until the component layer hands them to the engine as encrypted inputs; nothing here prints one.
"""

import hashlib
import hmac
from collections.abc import Mapping
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError

from mailtenant.dkim import filters_key
from mailtenant.rendering.services import SERVICES

if TYPE_CHECKING:
    from mailtenant.settings import TenantSettings

_FORMS = {"missing": "missing", "extra_forbidden": "not a known secret"}


class SecretsError(ValueError):
    """What is wrong with `mailtenant:secrets`, by dotted path, without a value."""


class TenantSecrets(BaseModel):
    """`mailtenant:secrets` after decryption. Made by `mailtenant new`."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    fingerprintKey: SecretStr
    databaseReaderPassword: SecretStr
    cachePassword: SecretStr
    tlsCaKey: SecretStr
    tlsKey: SecretStr
    tlsWebKey: SecretStr | None = None
    tlsNodesKey: SecretStr | None = None
    dkim: dict[str, dict[str, SecretStr]]
    cloudflareToken: SecretStr | None = None
    platformCloudflareToken: SecretStr | None = None
    godaddyKey: SecretStr | None = None
    godaddySecret: SecretStr | None = None


def parse_secrets(raw: object) -> TenantSecrets:
    """Raises: SecretsError with every problem's path; never the value (`input` is left out on purpose)."""
    try:
        return TenantSecrets.model_validate(raw)
    except ValidationError as error:
        problems = [
            f"mailtenant:secrets.{'.'.join(str(part) for part in e['loc'])}   "
            f"{_FORMS.get(e['type'], 'not in the expected form')}; `mailtenant new` shows what a complete file holds"
            for e in error.errors(include_input=False, include_url=False, include_context=False)
        ]
        raise SecretsError("\n".join(problems)) from None


def secret_files(settings: "TenantSettings", secrets: TenantSecrets) -> dict[str, dict[str, SecretStr]]:
    """Service → file name → content, for `/run/secrets-in` of each service (table: docs/architecture.md)."""
    password = secrets.databaseReaderPassword.get_secret_value()
    database = settings.internal_address("database")
    # libpq's password file escapes `\` and `:` by a backslash (PostgreSQL manual, "The Password File").
    escaped = password.replace("\\", "\\\\").replace(":", "\\:")
    content = {
        "pgpass": f"{database}:5432:mail:mailreader:{escaped}\n",
        "tls.key": secrets.tlsKey.get_secret_value(),
        "tls.pem": _bundle(settings.tls.chain, settings.tls.ca),
        "reader.password": password + "\n",
        "cache.password": secrets.cachePassword.get_secret_value() + "\n",
    }
    if settings.tls.web_chain is not None:
        if secrets.tlsWebKey is None:
            raise SecretsError("mailtenant:secrets.tlsWebKey   missing: the private key for `tls.web_chain`")
        content["web.key"] = secrets.tlsWebKey.get_secret_value()
        content["web.pem"] = _bundle(settings.tls.web_chain, settings.tls.ca)
    return {
        name: {file.name: SecretStr(content[file.name]) for file in spec.secrets}
        for name, spec in SERVICES.items()
        if spec.secrets and (name != "web" or settings.has_web_host)
    }


def node_secret_files(settings: "TenantSettings", secrets: TenantSecrets) -> dict[str, SecretStr]:
    """What a further mail server gets: the first one's files, with the certificate of the further ones' names."""
    if settings.nodes.chain is None or secrets.tlsNodesKey is None:
        raise SecretsError("mailtenant:secrets.tlsNodesKey   missing: the private key for `nodes.chain`")
    chain = SecretStr(_bundle(settings.nodes.chain, settings.tls.ca))
    return {**secret_files(settings, secrets)["smtp"], "tls.key": secrets.tlsNodesKey, "tls.pem": chain}


def _bundle(chain: str, ca: str) -> str:
    return chain + ("" if chain.endswith("\n") else "\n") + ca


def dkim_keys(settings: "TenantSettings", secrets: TenantSecrets) -> dict[str, SecretStr]:
    """`<domain>.<selector>.key` → the key as the filter reads it, for every selector that may still sign.

    Raises: SecretsError naming the domain and selector whose private key is missing.
    """
    wanted = [(settings.host, key.selector) for key in settings.host_dkim]
    wanted += [(d.name, key.selector) for d in settings.domains for key in d.dkim if key.state != "revoked"]
    missing = [f"{d}.{s}" for d, s in wanted if s not in secrets.dkim.get(d, {})]
    if missing:
        raise SecretsError(
            "\n".join(f"mailtenant:secrets.dkim.{name}   missing: the private key of that selector" for name in missing)
        )
    return {f"{d}.{s}.key": SecretStr(filters_key(secrets.dkim[d][s].get_secret_value())) for d, s in wanted}


def dkim_selectors(settings: "TenantSettings") -> str:
    """The filter's map: a line a signing domain, with each selector in state `active`, the RSA one first."""
    lines = [f"{settings.host} {key.selector}" for key in settings.host_dkim[:1]]
    lines += [" ".join((domain.name, *(key.selector for key in domain.signing))) for domain in settings.domains]
    return "".join(line + "\n" for line in lines)


def fingerprint(secrets: TenantSecrets, files: Mapping[str, SecretStr]) -> str:
    """A name for a set of secret files; it changes with them and tells nothing of them: HMAC-SHA-256, 12 hex digits."""
    digest = hmac.new(secrets.fingerprintKey.get_secret_value().encode(), digestmod=hashlib.sha256)
    for name, value in sorted(files.items()):
        text = value.get_secret_value()
        digest.update(f"{name}\0{len(text)}\0{text}".encode())
    return digest.hexdigest()[:12]
