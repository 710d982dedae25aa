"""What a running member keeps: its checkpoint, for its next try, and the parts it yields.

They are signed, or encrypted, as a value would be, and refused where they are not.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nbtasks.compression import size_of
from nbtasks.errors import BadSignature, TooBig
from nbtasks.record import checkpoint_of, parts_of
from nbtasks.serializers import Codec
from nbtasks.worker.work import ChildSettings


@dataclass(frozen=True, slots=True)
class Place:
    """A member: its record and index, and the words for its values and for who refuses them."""

    rid: str
    index: int
    what: str
    whose: str


class Kept:
    """The checkpoint of a member, and its parts.

    A try begins with no parts, and from the first place again; but where it goes on from a
    checkpoint, it goes on behind the parts that were yielded before that.

    Args:
        place: The member.
        settings: The keys, and how large a value may be.
        codec: How it is encoded.
        question: The member's arguments as they came: it is encrypted where they were.
        found: What is stored: the checkpoint with the number of parts before it, and these parts.
    """

    def __init__(
        self,
        place: Place,
        settings: ChildSettings,
        codec: Codec,
        question: bytes,
        found: Sequence[bytes],
    ) -> None:
        self._place = place
        self._settings = settings
        self._codec = codec
        self._seal = settings.signer.results(checkpoint_of(place.rid)).like(question)
        results = settings.signer.results(parts_of(place.rid, place.index))
        self._seal_part = results.like(question)
        self._found = found
        self._payload: bytes | None = None
        self._parts: list[bytes] = []
        self._size = 0

    def save(self, value: object) -> bytes:
        """A new checkpoint, as it is stored.

        Raises:
            TooBig: It is larger than a value may be.
            Unsendable: It cannot be encoded.
        """
        what = self._place.what.replace("the value", "the checkpoint", 1)
        payload, _ = self._codec.encode(value, what)
        self._check(len(payload), what)
        payload = self._payload = self._codec.pack(payload)
        head = b"%d " % len(self._parts)
        return head + self._seal.seal(self._place.index, head + payload)

    def load(self) -> Any:
        """The value of the newest checkpoint, decoded anew; None where there is none.

        Raises:
            BadSignature: What is stored is not signed by our key, or is another member's.
            ContentRefused: It is of a form that is not accepted here.
        """
        whose = self._place.whose
        if self._payload is None and self._found:
            head, _, body = self._found[0].partition(b" ")
            opened = bytes(self._seal.open(self._place.index, body, whose))
            number, _, payload = opened.partition(b" ")
            if number != head:
                raise BadSignature(whose)
            self._payload = payload
            if not self._parts:
                self._take_up(int(number))
        return None if self._payload is None else self._codec.decode(self._payload, whose)

    def part(self, value: object) -> bytes:
        """The next part, as it is stored.

        Raises:
            TooBig: All parts together are larger than a value may be.
            Unsendable: It cannot be encoded.
        """
        what = self._place.what
        payload, _ = self._codec.encode(value, what.replace("the value", "a part", 1))
        what = what.replace("the value", "what is yielded by", 1).replace("by of", "by", 1)
        self._check(self._size + len(payload), what)
        place = len(self._parts)
        self._size += len(payload)
        payload = self._codec.pack(payload)
        self._parts.append(payload)
        return b"%d %b" % (place, self._seal_part.seal(place, payload))

    def end(self) -> bytes:
        """That there are no more, as it is stored."""
        return b"%d " % len(self._parts)

    def parts(self) -> list[Any]:
        """All parts, decoded anew."""
        return [self._codec.decode(payload, self._place.whose) for payload in self._parts]

    def _take_up(self, count: int) -> None:
        """Go on behind these parts of the try that has kept the checkpoint."""
        bodies, whose = self._found[1:], self._place.whose
        if len(bodies) != count:
            raise BadSignature(whose)
        for at, body in enumerate(bodies):
            payload = bytes(self._seal_part.open(at, body, whose))
            self._parts.append(payload)
            self._size += size_of(payload)

    def _check(self, size: int, what: str) -> None:
        limit = self._settings.max_value
        if size > limit:
            raise TooBig(what, size, limit, "max_input")
