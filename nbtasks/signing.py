"""Keyed digests: nothing that is not signed by our key is ever unpickled, on either side.

A body is one byte of format, a 16-byte BLAKE2b keyed digest and the payload. The digest covers the
purpose (argument, result or code), the app, the record, its header, the member's index and the
payload, so a body cannot be replayed in another place. Source: RFC 7693 (keyed BLAKE2, `person`).
"""

import hmac
import struct
from hashlib import blake2b
from typing import Any, Final

from nbtasks.errors import BadSignature, ConfigError
from nbtasks.keyring import MIN_KEY_BYTES, derive, key_id, split

ARGUMENT: Final = b"nbt-argument"
RESULT: Final = b"nbt-result"
CODE: Final = b"nbt-code"

SIGNED: Final = b"\x01"
SYSTEM: Final = b"\x00"
"""First byte of a body that the store wrote itself: JSON about a failure, never unpickled."""

INSECURE_KEY: Final = b"nbtasks signs with this where insecure=True says so: it is no secret"
"""Signing without a secret keeps one format for all, and is refused wherever there is a secret."""

_DIGEST = 16
HEAD: Final = 1 + _DIGEST
"""Bytes of a body before its payload."""

_index = struct.Struct("<I").pack


def is_named(name: str, digest: str) -> bool:
    """Whether code of this content hash may be stored as `name`."""
    return name.partition("-")[0] == digest


class Seal:
    """Signs and opens the bodies of one record, for one purpose.

    The first key signs; each is accepted. `note` says why there is no key that could be.
    """

    __slots__ = ("_base", "_context", "_note", "_others", "_purpose")

    def __init__(
        self, keys: tuple[bytes, ...], purpose: bytes, context: tuple[bytes, ...], note: str = ""
    ) -> None:
        self._purpose = purpose
        self._context = context
        self._base = self._start(keys[0])
        self._others = keys[1:]
        self._note = note

    def seal(self, index: int, payload: bytes) -> bytes:
        """The body of member `index`: format byte, digest, payload."""
        mac = self._base.copy()
        mac.update(_index(index))
        mac.update(payload)
        return b"%b%b%b" % (SIGNED, mac.digest(), payload)

    def open(self, index: int, body: bytes, what: str) -> memoryview:
        """The payload of a body, once its digest is checked.

        Raises:
            BadSignature: It is not signed by a key of ours; `what` says whose it is.
        """
        view = memoryview(body)
        payload = view[HEAD:]
        if body[:1] == SIGNED and not self._note:
            found = view[1:HEAD]
            place = _index(index)
            mac = self._base.copy()
            mac.update(place)
            mac.update(payload)
            if hmac.compare_digest(mac.digest(), found):
                return payload
            for key in self._others:
                mac = self._start(key)
                mac.update(place)
                mac.update(payload)
                if hmac.compare_digest(mac.digest(), found):
                    return payload
        raise BadSignature(what + self._note)

    def _start(self, key: bytes) -> Any:
        base = blake2b(key=key, person=self._purpose, digest_size=_DIGEST)
        for part in self._context:
            base.update(_index(len(part)))
            base.update(part)
        return base


class Signer:
    """Makes seals from the keys of an app: the first one signs, all are accepted."""

    def __init__(self, key: bytes, app: str) -> None:
        ring = split(key)
        if not ring:
            raise ConfigError("there is no signing key: the text given for it has only comments")
        for each in ring:
            if len(each) < MIN_KEY_BYTES:
                raise ConfigError(
                    f"the signing key has {len(each)} bytes, and needs at least {MIN_KEY_BYTES}:"
                    " make one with `openssl rand -hex 32` and give it to every client and worker"
                    " as NBTASKS_KEY"
                )
        self._keys = tuple(derive(each) for each in ring)
        self._by_id = {key_id(each): derive(each) for each in reversed(ring)}
        self._app = app.encode()
        self.key_id = key_id(ring[0])

    def arguments(self, rid: str, header: bytes, signed_by: str = "") -> Seal:
        """For the arguments of a record; to open them, `signed_by` is the key id in its header."""
        keys, note = self._keys, ""
        if signed_by:
            found = self._by_id.get(signed_by)
            if found is None:
                note = self._unknown(signed_by)
            else:
                keys = (found,)
        return Seal(keys, ARGUMENT, (self._app, rid.encode(), header), note)

    def results(self, rid: str) -> Seal:
        """For the values and errors of a record."""
        return Seal(self._keys, RESULT, (self._app, rid.encode()))

    def code_name(self, digest: str) -> str:
        """What shipped code of this content hash is stored as.

        A name for each key: code is sent once and kept for as long as it is used, so under one name
        the signature of a key that was given up would stay in the way of the new one.
        """
        return f"{digest}-{self.key_id}"

    def code(self) -> Seal:
        """For shipped functions and cells."""
        return Seal(self._keys, CODE, (self._app,))

    def _unknown(self, signed_by: str) -> str:
        if signed_by == key_id(INSECURE_KEY):
            return ", which has no signature (its client has insecure=True)"
        return f", whose key is {signed_by!r} (here: {', '.join(self._by_id)})"
