"""What a canvas says of the options of all that is in it (pure)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from nbtasks.plan import Role
from nbtasks.signature import Signature, links_of

Options = Mapping[str, Any]

_NOTHING: Final[Options] = {}
_FIRST: Final = ("countdown", "eta", "on_upstream")
"""Options of a chain that are meant for its first step."""

_APART: Final = ("link", "link_error", "stamps")
"""What adds up, where other options stand in each other's place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What the canvases around a signature say of it.

    Attributes:
        defaults: Options that hold where it does not set its own.
        forced: Options that hold in any case.
        links: Callbacks besides its own.
        errbacks: Errbacks besides its own.
        stamps: Headers that it gets.
        group_id: The group it is in, empty for none.
        role: What it is for.
    """

    defaults: Options = field(default_factory=dict[str, Any])
    forced: Options = field(default_factory=dict[str, Any])
    links: tuple[Signature, ...] = ()
    errbacks: tuple[Signature, ...] = ()
    stamps: Options = field(default_factory=dict[str, Any])
    group_id: str = ""
    role: Role = Role.TASK

    def options(self, own: Options) -> dict[str, Any]:
        """The options of a signature that sets these itself."""
        if self.defaults or self.forced:
            own = over(over(self.defaults, own), self.forced)
        return {name: value for name, value in own.items() if name not in _APART}

    def inside(self, signature: Signature) -> "Scope":
        """The same with what a signature adds: callbacks, errbacks, stamps."""
        own = signature.options
        if not own:
            return self
        return replace(
            self,
            links=(*links_of(own, "link"), *self.links),
            errbacks=(*links_of(own, "link_error"), *self.errbacks),
            stamps={**self.stamps, **own.get("stamps", _NOTHING)},
        )

    def of_step(self, merged: Options, *, first: bool, last: bool) -> "Scope":
        """What a chain with these options says of a step."""
        taken = {name: value for name, value in merged.items() if name not in _FIRST or first}
        if not last:
            taken.pop("task_id", None)
        is_watcher = self.role is Role.ERRBACK and not first
        return replace(
            self,
            defaults=taken,
            forced=_NOTHING,
            links=self.links if last else (),
            errbacks=(),
            role=Role.CALLBACK if is_watcher else self.role,
        )

    def of_members(self, own: Options, group_id: str) -> "Scope":
        """What a group with these options says of its members."""
        defaults, forced = dict(self.defaults), over(_apart(own), self.forced)
        defaults.pop("task_id", None)
        forced.pop("task_id", None)
        return replace(self, defaults=defaults, forced=forced, links=(), group_id=group_id)

    def of_only(self, own: Options) -> "Scope":
        """What a group with these options says of its only member, which stands in its place."""
        links = (*ignorant(links_of(own, "link")), *self.links)
        errbacks = (*links_of(own, "link_error"), *self.errbacks)
        stamps = {**self.stamps, **own.get("stamps", _NOTHING)}
        forced = over(_apart(own), self.forced)
        return replace(self, forced=forced, links=links, errbacks=errbacks, stamps=stamps)

    def of_header(self, merged: Options, *, errbacks: bool) -> "Scope":
        """What a chord with these options says of its header."""
        taken = {k: v for k, v in merged.items() if k not in {"task_id", "on_upstream"}}
        kept = self.errbacks if errbacks else ()
        return replace(self, defaults=taken, forced=_NOTHING, links=(), errbacks=kept)

    def of_body(self, merged: Options) -> "Scope":
        """What a chord with these options says of its body."""
        taken = {k: v for k, v in merged.items() if k not in {"countdown", "eta"}}
        role = Role.CALLBACK if self.role is Role.ERRBACK else self.role
        return replace(self, defaults=taken, forced=_NOTHING, role=role)


def over(below: Options, above: Options) -> dict[str, Any]:
    """Options over others."""
    merged = {**below, **above}
    if above.get("countdown") is not None or above.get("eta") is not None:
        for name in ("countdown", "eta"):  # they say the same in two ways
            if above.get(name) is None:
                merged.pop(name, None)
    return merged


def ignorant(links: Iterable[Signature]) -> list[Signature]:
    """Callbacks that are called without the value, as those of a group are."""
    copies = [link.clone() for link in links]
    for copy in copies:
        copy.set_immutable(True)
    return copies


def _apart(options: Options) -> Options:
    return {name: value for name, value in options.items() if name not in _APART}
