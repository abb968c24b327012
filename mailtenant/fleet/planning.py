"""From a survey to a rollout: who is rolled, who is left out and why, and in which wave. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from mailtenant.fleet.survey import Surveyed
from mailtenant.fleet.waves import WaveSize, plan_waves


@dataclass(frozen=True)
class Selection:
    """`waves` hold labels; `left_out` maps a label to the reason."""

    waves: tuple[tuple[str, ...], ...]
    left_out: dict[str, str]

    @property
    def total(self) -> int:
        return sum(map(len, self.waves))


def select(
    tenants: Sequence[Surveyed], sizes: Sequence[WaveSize], *, release: str | None = None,
    canaries: Sequence[str] = (), only: Sequence[str] = (), everything: bool = False,
) -> Selection:  # fmt: skip
    """`release`: the one to go to; None: the one in each file, that is, whatever was edited. `only`: these labels.
    `everything`: also whose inputs did not change.

    Raises: BadWaves
    """
    left_out: dict[str, str] = {}
    chosen = []
    for tenant in tenants:
        if only and tenant.label not in only:
            left_out[tenant.label] = "not asked for"
        elif tenant.refused:
            left_out[tenant.label] = f"no `up` can succeed: {tenant.refused}"
        elif tenant.state == "down":
            left_out[tenant.label] = "is down on purpose (`mailtenant down`)"
        elif tenant.state == "unknown":
            left_out[tenant.label] = "its engine does not answer"
        elif not everything and tenant.unchanged and release in (None, tenant.release):
            left_out[tenant.label] = "its inputs did not change"
        else:
            chosen.append(tenant.label)
    return Selection(plan_waves(chosen, sizes, canaries), left_out)
