"""What a running member keeps for its next try: its checkpoint.

It is signed, or encrypted, as a value would be, and refused where it is not.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nbtasks.errors import BadSignature, TooBig
from nbtasks.record import checkpoint_of
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
    """The checkpoint of a member.

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
        self._found = found
        self._payload: bytes | None = None

    def save(self, value: object) -> bytes:
        """A new checkpoint, as it is stored.

        Raises:
            TooBig: It is larger than a value may be.
            Unsendable: It cannot be encoded.
        """
        what = self._place.what.replace("the value", "the checkpoint", 1)
        payload, _ = self._codec.encode(value, what)
        limit = self._settings.max_value
        if len(payload) > limit:
            raise TooBig(what, len(payload), limit, "max_input")
        self._payload = payload
        head = b"0 "
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
        return None if self._payload is None else self._codec.decode(self._payload, whose)
