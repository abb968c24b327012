"""A DNS provider's API, with the credentials of a tenant's stack file."""

from pathlib import Path

from mailtenant.dns import cloudflare_api, godaddy_api
from mailtenant.fleet.stack_config import read_secret
from mailtenant.settings import StackFile


def cloudflare(project: Path, stack_file: StackFile, *, platform: bool = False) -> cloudflare_api.Api:
    """Raises: StackError, if the token cannot be read."""
    leaf = "platformCloudflareToken" if platform else "cloudflareToken"
    token = read_secret(project, stack_file.settings.label, (leaf,))
    return cloudflare_api.Api(token, _base_url(stack_file, "cloudflare", cloudflare_api.DEFAULT_URL))


def godaddy(project: Path, stack_file: StackFile) -> godaddy_api.Api:
    """Raises: StackError, if key or secret cannot be read."""
    key, secret = (read_secret(project, stack_file.settings.label, (leaf,)) for leaf in ("godaddyKey", "godaddySecret"))
    return godaddy_api.Api(key, secret, _base_url(stack_file, "godaddy", godaddy_api.DEFAULT_URL))


def _base_url(stack_file: StackFile, provider: str, default: str) -> str:
    """The same place where the provider's plugin writes to."""
    found = stack_file.document.value["config"].get(f"{provider}:baseUrl")
    return str(found) if found else default
