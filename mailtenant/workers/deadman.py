"""A timer of the kernel that ends this process unless it is wound again: the fence around a worker that stalls.

A worker that is stopped, swapped out or hangs past its lease must not go on with a step that another has taken over.
It cannot notice by itself: it may stall between any check and the act behind it. The kernel can: SIGALRM of an expired
`setitimer(2)` is pending when a stopped process is continued, and with its default action it ends the process before
any of its own instructions run again (signal(7)). The timer counts CLOCK_MONOTONIC, so a machine that was suspended as
a whole is not covered: its worker finds its lease taken at its next commit.
"""

import signal


class DeadMan:
    """Wind it at each confirmed heartbeat for what is left of the lease: so this process is dead when the lease is
    over, also if the database is away so long that no heartbeat comes through. One a process."""

    def __init__(self) -> None:
        # A handler would run later, between two Python instructions: too late. Only the default action is a fence.
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGALRM})

    def wind(self, seconds: float) -> None:
        """So much longer to live. Nothing left is the end, too."""
        signal.setitimer(signal.ITIMER_REAL, max(seconds, 0.001))

    def disarm(self) -> None:
        """At a clean end."""
        signal.setitimer(signal.ITIMER_REAL, 0)
