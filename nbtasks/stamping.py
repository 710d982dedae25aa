"""Headers that are put on all signatures of a canvas, and who says which (pure)."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbtasks.signature import Signature

Stamps = Mapping[str, Any]


class StampingVisitor:
    """Goes through a canvas, and says which headers each part of it gets.

    Each method returns headers, as values of JSON; `headers` are those that came from further out.
    What is returned for a chain, a group, a header, a body, a callback or an errback goes to all
    that is in it. Override what you need: these return nothing.
    """

    def on_signature(self, sig: "Signature", **headers: Any) -> Stamps:  # noqa: ARG002 - overridden
        """A task."""
        return {}

    def on_chain_start(self, sig: "Signature", **headers: Any) -> Stamps:  # noqa: ARG002
        """Before the steps of a chain."""
        return {}

    def on_chain_end(self, sig: "Signature", **headers: Any) -> None:
        """After them."""

    def on_group_start(self, sig: "Signature", **headers: Any) -> Stamps:  # noqa: ARG002
        """Before the members of a group."""
        return {}

    def on_group_end(self, sig: "Signature", **headers: Any) -> None:
        """After them."""

    def on_chord_header_start(self, sig: "Signature", **headers: Any) -> Stamps:  # noqa: ARG002
        """Before the header of a chord."""
        return {}

    def on_chord_header_end(self, sig: "Signature", **headers: Any) -> None:
        """After it."""

    def on_chord_body(self, sig: "Signature", **headers: Any) -> Stamps:  # noqa: ARG002
        """Before the body of a chord."""
        return {}

    def on_callback(self, sig: "Signature", **headers: Any) -> Stamps:  # noqa: ARG002
        """Before a callback."""
        return {}

    def on_errback(self, sig: "Signature", **headers: Any) -> Stamps:  # noqa: ARG002
        """Before an errback."""
        return {}
