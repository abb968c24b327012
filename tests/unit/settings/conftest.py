"""Property tests without a time limit for each example: on a busy machine that limit fails tests that are right."""

from hypothesis import settings

settings.register_profile("mailtenant", deadline=None)
settings.load_profile("mailtenant")
