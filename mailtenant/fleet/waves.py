"""In which order a fleet is rolled, and when a rollout stops: pure rules.

Waves grow (canary → 5 % → 25 % → rest): what is wrong with a change is found on few tenants.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

DEFAULT_WAVES: Final = "1,5%,25%,rest"


class BadWaves(ValueError):
    """The text of `--waves` is not right: what, and the fix."""


@dataclass(frozen=True)
class WaveSize:
    """A number of tenants, a share of the whole fleet that is rolled (0 < share ≤ 1), or the rest."""

    count: int | None = None
    share: float | None = None

    def of(self, total: int) -> int:
        """At least one tenant; all of them for the rest."""
        if self.count is not None:
            return self.count
        # Rounded first: 7 % of 100 is 7.000000000000001 in floating point, and not 8 tenants.
        return max(1, math.ceil(round(total * self.share, 6))) if self.share is not None else total


def parse_waves(text: str) -> tuple[WaveSize, ...]:
    """`1,5%,25%,rest`: each wave's size; a share is one of all tenants of the rollout, not of those left.

    Raises: BadWaves
    """
    sizes = []
    words = [word.strip() for word in text.split(",")]
    for i, word in enumerate(words, start=1):
        if word == "rest":
            if i != len(words):
                raise BadWaves("`rest` must be the last wave")
            sizes.append(WaveSize())
        elif match := re.fullmatch(r"(\d{1,3}(?:\.\d+)?)%", word):
            share = float(match[1]) / 100
            if not 0 < share <= 1:
                raise BadWaves(f"wave {i} is a share of {word}; write more than 0% and at most 100%")
            sizes.append(WaveSize(share=share))
        elif re.fullmatch(r"[1-9]\d{0,5}", word):
            sizes.append(WaveSize(count=int(word)))
        else:
            raise BadWaves(
                f"wave {i} is neither a number, nor a share like 5%, nor `rest`; an example: {DEFAULT_WAVES}"
            )
    if sizes[-1] != WaveSize():
        raise BadWaves("the last wave must be `rest`, else tenants would be left out")
    return tuple(sizes)


def plan_waves(
    labels: Sequence[str], sizes: Sequence[WaveSize], canaries: Sequence[str] = ()
) -> tuple[tuple[str, ...], ...]:
    """Every label once, the canaries first in the order given, then the others in theirs. Empty waves are left out.

    If there are canaries, the first wave is at least these.

    Raises: BadWaves for a canary that is not among the labels.
    """
    if strangers := [label for label in canaries if label not in labels]:
        raise BadWaves(f"no tenant to roll is called {', '.join(strangers)}; see `mailtenant fleet plan`")
    left = [*dict.fromkeys(canaries), *(label for label in labels if label not in canaries)]
    total, waves = len(left), []
    for i, size in enumerate(sizes):
        take = max(size.of(total), len(set(canaries)) if i == 0 else 0)
        if wave := tuple(left[:take]):
            waves.append(wave)
        left = left[take:]
    return tuple(waves)


def exceeds_budget(failed: int, budget: int) -> bool:
    """Whether a rollout has to stop: more tenants failed than it may cost."""
    return failed > budget
