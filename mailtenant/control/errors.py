"""What the control plane answers when it says no. The CLI prints it, the API gives it a status."""


class ControlError(Exception):
    """What is wrong and the fix, in one line; never a secret, never the value given."""


class NotFound(ControlError):
    """There is no such thing, or it is another customer's: the two read the same."""


class Conflict(ControlError):
    """It is there already, or the state does not allow it."""


class Misconfigured(ControlError):
    """The server's own settings are wrong or missing."""
