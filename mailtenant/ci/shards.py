"""Which tenants the engine looks at, in how many jobs: a matrix of a workflow."""

from collections.abc import Sequence
from typing import Final

from mailtenant.diff.comparison import Comparison

MOST_JOBS: Final = 256
"""Jobs of one matrix (GitHub's limit)."""


def selected(comparison: Comparison) -> list[str]:
    """Tenants that change and can be computed, the worst first: what is broken offline, no engine need be asked."""
    return [one.label for one in comparison.tenants if one.kind in ("changed", "new")]


def shards(labels: Sequence[str], size: int) -> list[list[str]]:
    """Parts of about `size` labels, never more than MOST_JOBS; the worst of all are spread over the parts."""
    if not labels:
        return []
    number = min(MOST_JOBS, -(-len(labels) // size))
    return [list(labels[i::number]) for i in range(number)]
