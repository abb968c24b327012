"""The tenant document: typed model, errors, the stack file, rules over the whole fleet."""

from mailtenant.settings.convert import parse_settings
from mailtenant.settings.dns import Domain, DomainKey, HostKey
from mailtenant.settings.errors import Problem, SettingsErrors
from mailtenant.settings.fleet import check_copies, check_fleet, load_fleet
from mailtenant.settings.model import TenantSettings
from mailtenant.settings.stackfile import StackFile, load_stack_file

__all__ = [
    "Domain",
    "DomainKey",
    "HostKey",
    "Problem",
    "SettingsErrors",
    "StackFile",
    "TenantSettings",
    "check_copies",
    "check_fleet",
    "load_fleet",
    "load_stack_file",
    "parse_settings",
]
