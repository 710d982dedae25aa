"""What an exception carries along: its causes, and the members of a group."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final, cast

from nbtasks.frames import Frame, frames_of, rebuild
from nbtasks.remaking import (
    add_notes,
    notes_of,
    pickled,
    plain_args,
    remade,
    text_of,
    unpickled,
)
from nbtasks.serializers import Codec, type_name

MAX_LINKED: Final = 20
"""Causes and members that come with an exception; its words tell of more."""

MAX_LINKED_TEXT: Final = 2_000


class Linked:
    """Describes what an exception carries along: its cause or context, the members of a group.

    A description has `next`, the exception before it, with `cause` where it is that; and `members`,
    which come with the pickle of their group, but without their tracebacks and causes. Of a linked
    exception it has the words, too, and where among the `pickles` its own begins and ends.
    """

    def __init__(self, codec: Codec) -> None:
        self._codec = codec
        self._left = MAX_LINKED
        self._seen: set[int] = set()
        self.pickles = bytearray()

    def describe(self, error: BaseException) -> dict[str, Any]:
        """What is linked to it; empty for nothing."""
        self._seen.add(id(error))
        found: dict[str, Any] = {}
        before = error.__cause__
        if before is None and not error.__suppress_context__:
            before = error.__context__
        if before is not None and self._may(before):
            found["next"] = self._node(before)
            found["cause"] = before is error.__cause__
        elif error.__suppress_context__:
            found["alone"] = True
        if members := _members(error)[:MAX_LINKED]:
            found["members"] = [self._member(each) if self._may(each) else {} for each in members]
        return found

    def _may(self, error: BaseException) -> bool:
        """Whether there is room for one more, and no circle."""
        self._left -= 1
        return self._left >= 0 and id(error) not in self._seen

    def _member(self, error: BaseException) -> dict[str, Any]:
        return {"frames": frames_of(error), **self.describe(error)}

    def _node(self, error: BaseException) -> dict[str, Any]:
        codec = self._codec
        data = pickled(error, codec) if codec.ships_objects else b""
        start = len(self.pickles)
        self.pickles += data
        fields: dict[str, Any] = {
            "type": type_name(error),
            "text": text_of(error)[:MAX_LINKED_TEXT],
            "pickle": (start, start + len(data)),
            "args": None if codec.ships_objects else plain_args(error),
            "notes": notes_of(error),
        }
        return fields | self._member(error)


class Linking:
    """Links an exception again to those that came with it."""

    def __init__(self, pickles: memoryview, codec: Codec) -> None:
        self._pickles = pickles
        self._codec = codec

    def link(self, error: BaseException, links: Mapping[str, Any]) -> None:
        """Set its cause or context, and the tracebacks of its members."""
        with suppress(Exception):  # a user's exception may be frozen
            if "next" in links:
                before = self._made(links["next"])
                if links["cause"]:
                    error.__cause__ = before
                else:
                    error.__context__ = before
            elif links.get("alone"):
                error.__suppress_context__ = True
        for member, fields in zip(_members(error), links.get("members", ()), strict=False):
            if fields:
                self.link(member, fields)
                member.__traceback__ = rebuild(_frames_in(fields))

    def _made(self, fields: Mapping[str, Any]) -> BaseException:
        start, stop = fields["pickle"]
        found = unpickled(self._pickles[start:stop], self._codec)
        if found is None:
            args = None if fields["args"] is None else tuple(fields["args"])
            found = remade(fields["type"], fields["text"], args)
        add_notes(found, fields["notes"])
        self.link(found, fields)
        return found.with_traceback(rebuild(_frames_in(fields)))


def _members(error: BaseException) -> tuple[BaseException, ...]:
    if isinstance(error, BaseExceptionGroup):
        return cast("BaseExceptionGroup[BaseException]", error).exceptions
    return ()


def _frames_in(fields: Mapping[str, Any]) -> tuple[Frame, ...]:
    return tuple(Frame(*frame) for frame in fields["frames"])
