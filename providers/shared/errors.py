"""What a plugin may tell the Pulumi engine."""

from __future__ import annotations

from pulumi.provider.experimental.property_value import PropertyValue


class ProviderError(Exception):
    """A failure in one sentence, without any secret: the person sees exactly this."""


class PartialState(Exception):
    """A failed Create whose object exists: the servicer hands id and state to the Pulumi engine with the error."""

    def __init__(self, id_: str, properties: dict[str, PropertyValue], reason: str) -> None:
        super().__init__(reason)
        self.id = id_
        self.properties = properties
