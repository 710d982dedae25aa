"""Keyed digests: nothing that is not signed by our key is ever unpickled, on either side.

A body is one byte of format, a 16-byte BLAKE2b keyed digest and the payload. The digest covers the
purpose (argument, result, code, entry, order, answer), the app, the record, its header, the
member's index and the payload, so a body cannot be replayed in another place. Source: RFC 7693
(keyed BLAKE2, `person`). With `encrypt` the rest of the body is AES-256-GCM under a key for the
same place (`cipher`); orders and what answers them are always plain.
"""

import hmac
import struct
from collections.abc import Callable
from hashlib import blake2b
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, cast

from nbtasks.errors import BadSignature, ConfigError, ContentRefused
from nbtasks.keyring import MIN_KEY_BYTES, derive, key_id, split

if TYPE_CHECKING:
    from nbtasks.cipher import Cipher

ARGUMENT: Final = b"nbt-argument"
RESULT: Final = b"nbt-result"
CODE: Final = b"nbt-code"
ENTRY: Final = b"nbt-entry"
ORDER: Final = b"nbt-order"
UNIQUE: Final = b"nbt-unique"
ANSWER: Final = b"nbt-answer"

SIGNED: Final = b"\x01"
SYSTEM: Final = b"\x00"
"""First byte of a body that the store wrote itself: JSON about a failure, never unpickled."""

ENCRYPTED: Final = b"\x02"
"""First byte of a body that is encrypted; what follows is nonce, ciphertext and tag."""

INSECURE_KEY: Final = b"nbtasks signs with this where insecure=True says so: it is no secret"
"""Signing without a secret keeps one format for all, and is refused wherever there is a secret."""

_ENCRYPTION_IS_OFF = (
    "encryption is off on this side. Set encrypt=True or NBTASKS_ENCRYPT=1 here too, which needs"
    ' pip install "nbtasks[crypto]"'
)
_DIGEST = 16
HEAD: Final = 1 + _DIGEST
"""Bytes of a body before its payload."""

PACKAGE: Final = 1
"""The index that packages are signed with, where functions have 0: neither passes for the other."""

_index = struct.Struct("<I").pack


def is_named(name: str, digest: str) -> bool:
    """Whether code of this content hash may be stored as `name`."""
    return name.partition("-")[0] == digest


class Seal:
    """Signs and opens the bodies of one record, for one purpose; encrypts them where it is to.

    The first key signs; each is accepted. `note` says why there is no key that could be.
    """

    __slots__ = ("_base", "_cipher", "_context", "_encrypts", "_keys", "_note", "_purpose")

    def __init__(
        self,
        keys: tuple[bytes, ...],
        purpose: bytes,
        context: tuple[bytes, ...],
        note: str = "",
        cipher: "Callable[[bytes, bytes], Cipher] | None" = None,
    ) -> None:
        self._purpose = purpose
        self._context = context
        self._base = self._start(keys[0])
        self._keys = keys
        self._note = note
        self._cipher = cipher
        self._encrypts: Cipher | None = None

    def seal(self, index: int, payload: bytes) -> bytes:
        """The body of member `index`: format byte, digest, payload."""
        if self._cipher is not None:
            return self._encrypt(index, payload)
        mac = self._base.copy()
        mac.update(_index(index))
        mac.update(payload)
        return b"%b%b%b" % (SIGNED, mac.digest(), payload)

    def open(self, index: int, body: bytes, what: str) -> memoryview:
        """The payload of a body, once its digest is checked.

        Raises:
            BadSignature: It is not signed by a key of ours; `what` says whose it is.
            ContentRefused: It is encrypted, and encryption is off here.
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
            for key in self._keys[1:]:
                mac = self._start(key)
                mac.update(place)
                mac.update(payload)
                if hmac.compare_digest(mac.digest(), found):
                    return payload
        elif body[:1] == ENCRYPTED and not self._note:
            opened = self._decrypt(index, view[1:], what)
            if opened is not None:
                return memoryview(opened)
        raise BadSignature(what + self._note)

    def like(self, body: bytes) -> "Seal":
        """The same for an answer to this body: encrypted only where the question was."""
        if self._cipher is None or body[:1] == ENCRYPTED:
            return self
        return Seal(self._keys, self._purpose, self._context, self._note)

    def _encrypt(self, index: int, payload: bytes) -> bytes:
        cipher = self._encrypts
        if cipher is None:
            cipher = self._encrypts = self._make_cipher(self._keys[0])
        return ENCRYPTED + cipher.encrypt(_index(index), payload)

    def _decrypt(self, index: int, sealed: memoryview, what: str) -> bytes | None:
        if self._cipher is None:
            raise ContentRefused(what, "encrypted", _ENCRYPTION_IS_OFF)
        for key in self._keys:
            payload = self._make_cipher(key).decrypt(_index(index), sealed)
            if payload is not None:
                return payload
        return None

    def _make_cipher(self, key: bytes) -> "Cipher":
        parts = (self._purpose, *self._context)
        context = b"".join(_index(len(part)) + part for part in parts)
        make: Any = self._cipher
        return cast("Cipher", make(key, context))

    def _start(self, key: bytes) -> Any:
        base = blake2b(key=key, person=self._purpose, digest_size=_DIGEST)
        for part in self._context:
            base.update(_index(len(part)))
            base.update(part)
        return base


class Signer:
    """Makes seals from the keys of an app: the first one signs, all are accepted.

    Raises:
        ConfigError: There is no key, one is too short, or `encrypt` wants what is not installed.
    """

    def __init__(self, key: bytes, app: str, *, encrypt: bool = False) -> None:
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
        self._cipher = _load_cipher() if encrypt else None
        self.key_id = key_id(ring[0])

    @property
    def encrypts(self) -> bool:
        """Whether bodies are encrypted."""
        return self._cipher is not None

    def arguments(self, rid: str, header: bytes, signed_by: str = "") -> Seal:
        """For the arguments of a record; to open them, `signed_by` is the key id in its header."""
        keys, note = self._keys, ""
        if signed_by:
            found = self._by_id.get(signed_by)
            if found is None:
                note = self._unknown(signed_by)
            else:
                keys = (found,)
        return Seal(keys, ARGUMENT, (self._app, rid.encode(), header), note, self._cipher)

    def unique_key(self, text: str) -> str:
        """What all clients call calls that are the same; Redis is not to know their arguments."""
        return blake2b(text.encode(), key=self._keys[0], person=UNIQUE, digest_size=16).hexdigest()

    def results(self, rid: str) -> Seal:
        """For the values and errors of a record."""
        return Seal(self._keys, RESULT, (self._app, rid.encode()), "", self._cipher)

    def code_name(self, digest: str) -> str:
        """What shipped code of this content hash is stored as.

        A name for each key: code is sent once and kept for as long as it is used, so under one name
        the signature of a key that was given up would stay in the way of the new one. Encrypted
        code has another name than plain code, for the same reason.
        """
        return f"{digest}-{self.key_id}{'-e' if self._cipher else ''}"

    def code(self) -> Seal:
        """For shipped functions and cells."""
        return Seal(self._keys, CODE, (self._app,), "", self._cipher)

    def entries(self, name: str) -> Seal:
        """For a schedule entry."""
        return Seal(self._keys, ENTRY, (self._app, name.encode()), "", self._cipher)

    def orders(self, worker: str, challenge: str, client: str, question: str) -> Seal:
        """For what a worker is told: it counts for this challenge of its, and for who asks."""
        return self._of_order(ORDER, worker, challenge, client, question)

    def answers(self, worker: str, question: str) -> Seal:
        """For what a worker says to that."""
        return self._of_order(ANSWER, worker, question)

    def _of_order(self, purpose: bytes, *place: str) -> Seal:
        # Never encrypted: it holds names and numbers that any board shows.
        return Seal(self._keys, purpose, (self._app, *(part.encode() for part in place)))

    def _unknown(self, signed_by: str) -> str:
        if signed_by == key_id(INSECURE_KEY):
            return ", which has no signature (its client has insecure=True)"
        return f", whose key is {signed_by!r} (here: {', '.join(self._by_id)})"


def _load_cipher() -> Any:
    """The class `Cipher`; only a side that encrypts needs the library."""
    try:
        return import_module("nbtasks.cipher").Cipher
    except ImportError as error:
        raise ConfigError(
            f'encrypt is set, which needs a library ({error}): pip install "nbtasks[crypto]"'
        ) from error
