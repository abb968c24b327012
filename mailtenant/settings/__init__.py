"""The tenant document: typed model, errors, the stack file, rules over the whole fleet."""

from mailtenant.settings.convert import parse_settings
from mailtenant.settings.dns import Domain, DomainKey, HostKey
from mailtenant.settings.errors import Problem, SettingsErrors
from mailtenant.settings.model import TenantSettings

__all__ = ["Domain", "DomainKey", "HostKey", "Problem", "SettingsErrors", "TenantSettings", "parse_settings"]
