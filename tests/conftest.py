"""For all tests: no assertion on time (the machine is shared and noisy)."""

from hypothesis import settings

settings.register_profile("shared machine", deadline=None)
settings.load_profile("shared machine")
