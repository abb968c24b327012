"""The embedded control plane."""

from tests.unit.control.embedded import plane, template, url

__all__ = ["plane", "template", "url"]
