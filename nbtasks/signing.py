"""Keyed digests: nothing that is not signed by our key is ever unpickled, on either side.

A body is one byte of format, a 16-byte BLAKE2b keyed digest and the payload. The digest covers the
purpose (argument, result or code), the app, the record, its header, the member's index and the
payload, so a body cannot be replayed in another place. Source: RFC 7693 (keyed BLAKE2, `person`).
"""

import hmac
import struct
from hashlib import blake2b
from typing import Final

from nbtasks.errors import BadSignature, ConfigError

ARGUMENT: Final = b"nbt-argument"
RESULT: Final = b"nbt-result"
CODE: Final = b"nbt-code"

SIGNED: Final = b"\x01"
SYSTEM: Final = b"\x00"
"""First byte of a body that the store wrote itself: JSON about a failure, never unpickled."""

MIN_KEY_BYTES: Final = 16

_DIGEST = 16
_PAYLOAD = 1 + _DIGEST
_index = struct.Struct("<I").pack


class Seal:
    """Signs and opens the bodies of one record, for one purpose."""

    __slots__ = ("_base",)

    def __init__(self, key: bytes, purpose: bytes, context: tuple[bytes, ...]) -> None:
        base = blake2b(key=key, person=purpose, digest_size=_DIGEST)
        for part in context:
            base.update(_index(len(part)))
            base.update(part)
        self._base = base

    def seal(self, index: int, payload: bytes) -> bytes:
        """The body of member `index`: format byte, digest, payload."""
        mac = self._base.copy()
        mac.update(_index(index))
        mac.update(payload)
        return b"%b%b%b" % (SIGNED, mac.digest(), payload)

    def open(self, index: int, body: bytes, what: str) -> memoryview:
        """The payload of a body, once its digest is checked.

        Raises:
            BadSignature: It is not signed by our key; `what` says whose it is.
        """
        view = memoryview(body)
        payload = view[_PAYLOAD:]
        mac = self._base.copy()
        mac.update(_index(index))
        mac.update(payload)
        if body[:1] != SIGNED or not hmac.compare_digest(mac.digest(), view[1:_PAYLOAD]):
            raise BadSignature(what)
        return payload


class Signer:
    """Makes seals from the one secret of an app."""

    def __init__(self, key: bytes, app: str) -> None:
        if len(key) < MIN_KEY_BYTES:
            raise ConfigError(
                f"the signing key has {len(key)} bytes, and needs at least {MIN_KEY_BYTES}: make"
                " one with `openssl rand -hex 32` and give it to every client and worker as"
                " NBTASKS_KEY"
            )
        self._key = blake2b(key, digest_size=32, person=b"nbt-key").digest()
        self._app = app.encode()
        self.key_id = blake2b(self._key, digest_size=4, person=b"nbt-key-id").hexdigest()

    def arguments(self, rid: str, header: bytes) -> Seal:
        """For the arguments of a record."""
        return Seal(self._key, ARGUMENT, (self._app, rid.encode(), header))

    def results(self, rid: str) -> Seal:
        """For the values and errors of a record."""
        return Seal(self._key, RESULT, (self._app, rid.encode()))

    def code(self) -> Seal:
        """For shipped functions and cells."""
        return Seal(self._key, CODE, (self._app,))
