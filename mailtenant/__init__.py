"""Single-tenant mail systems as Pulumi stacks: settings, records, rendered files, command line."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("mailtenant")
except PackageNotFoundError:  # a tree that is not installed
    __version__ = "unknown"
