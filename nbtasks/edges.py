"""What a record waits for, and what waits for it, as the store keeps it (`_canvas.lua`)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

RULES = {"all_success": "S", "all_done": "D", "one_failed": "F"}


@dataclass(frozen=True, slots=True)
class Edge:
    """To a record that waits for this one: `span` as in `inputs`, `index` where that is `1`."""

    span: str
    target: str
    index: int = 0
    is_chord: bool = False

    @property
    def kind(self) -> str:
        """Whether the target fails with a ChordError (`h`) or with the same error (`c`)."""
        return "h" if self.is_chord else "c"


@dataclass(frozen=True, slots=True, kw_only=True)
class Edges:
    """The place of a record in a canvas.

    Attributes:
        root: The id of the canvas.
        sources: What it waits for, as in `inputs`, those first whose values it takes.
        delivered: How many those are.
        is_errback: It takes the failure of what failed first.
        rule: When it runs: a key of `RULES`.
        is_chord: Whether it fails with a ChordError where a source fails.
        known: Those of its sources that were submitted before, so that they may have ended.
        out: What waits for it.
        is_again: It is stored once more, and some of it may have ended.
    """

    root: str
    sources: tuple[str, ...] = ()
    delivered: int = 0
    is_errback: bool = False
    rule: str = "all_success"
    is_chord: bool = False
    known: tuple[str, ...] = ()
    out: tuple[Edge, ...] = ()
    is_again: bool = False

    @property
    def is_start(self) -> bool:
        """Whether nothing in its canvas comes before it."""
        return len(self.known) == len(self.sources)

    def fields(self, delay_ms: int, expires_ms: int) -> dict[str, Any]:
        """The fields of the record in the store."""
        found: dict[str, Any] = {
            "cv": 1,
            "hold": 1,
            "g": self.root,
            "pa": " ".join(self.sources),
            "in": "E" if self.is_errback else self.delivered,
            "on": RULES[self.rule],
            "kd": "h" if self.is_chord else "c",
            "wt": len(self.sources),
            "out": " ".join(
                edge.span + edge.kind + edge.target for edge in self.out if edge.span != "1"
            ),
            "ch": len(self.out),
            "dl": delay_ms,
        }
        for edge in self.out:
            if edge.span == "1":
                name = f"y{edge.index}"
                found[name] = f"{found.get(name, '')} {edge.kind}{edge.target}"
                found["ym"] = 1
        if self.known:
            found["lk"] = " ".join(self.known)
        if self.is_again:
            found["ended"] = 1
        if expires_ms:
            found["ex"] = expires_ms
        return found

    def again(self, stored: Sequence[str]) -> "Edges":
        """The same for a record that is stored once more, when its canvas has gone on without it.

        It looks all of its sources up; of what waits for it, these records are stored already, and
        the others will look it up.
        """
        kept = set(stored)
        out = tuple(edge for edge in self.out if edge.target in kept)
        return replace(self, known=self.sources, out=out, is_again=True)
