"""Why there can be no diff at all. What is wrong with one tenant is no such error: it is that tenant's row."""


class DiffError(Exception):
    """One line: what, and the fix."""
