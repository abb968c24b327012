"""A customer on a shared mail host that serves many: the old side of a migration."""

from mailtenant.shared_host.copy_access import CopyAccess
from mailtenant.shared_host.host import SharedHost
from mailtenant.shared_host.paths import HostPaths

__all__ = ["CopyAccess", "HostPaths", "SharedHost"]
