"""AES-256-GCM for bodies: what is encrypted is signed by the same step.

Each record and purpose has a key of its own, derived from the signing key, so the 96 random bits
of a nonce need only differ among the bodies of one record. Needs `pip install "nbtasks[crypto]"`.
Source: NIST SP 800-38D.
"""

import os
from hashlib import blake2b
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE: Final = 12
_PURPOSE: Final = b"nbt-aes-256-gcm"


class Cipher:
    """Encrypts and decrypts the bodies of one record, for one purpose."""

    __slots__ = ("_aead",)

    def __init__(self, key: bytes, context: bytes) -> None:
        derived = blake2b(context, key=key, person=_PURPOSE, digest_size=32).digest()
        self._aead = AESGCM(derived)

    def encrypt(self, place: bytes, payload: bytes) -> bytes:
        """Nonce, ciphertext and tag; `place` is signed along with it."""
        nonce = os.urandom(NONCE)
        return nonce + self._aead.encrypt(nonce, payload, place)

    def decrypt(self, place: bytes, sealed: memoryview) -> bytes | None:
        """The payload, or None where it was not encrypted with this key for this place."""
        try:
            return self._aead.decrypt(bytes(sealed[:NONCE]), sealed[NONCE:], place)
        except (InvalidTag, ValueError):
            return None
