"""A body counts only where it was made: with this key, for this purpose, app, record and member."""

import sys

import pytest

from nbtasks.errors import BadSignature, ConfigError, ContentRefused
from nbtasks.signing import ENCRYPTED, INSECURE_KEY, SIGNED, SYSTEM, Seal, Signer

KEY = b"sixteen bytes ok"
HEADER = b'{"task":"fit"}'


def arguments(key=KEY, app="main", rid="r1", header=HEADER):
    return Signer(key, app).arguments(rid, header)


def results(key=KEY, app="main", rid="r1"):
    return Signer(key, app).results(rid)


def code(key=KEY, app="main"):
    return Signer(key, app).code()


def test_what_was_sealed_opens_to_the_same_payload():
    body = arguments().seal(3, b"payload")
    assert bytes(arguments().open(3, body, "it")) == b"payload"


def test_an_empty_payload_is_signed_too():
    assert bytes(results().open(0, results().seal(0, b""), "it")) == b""


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(arguments(key=b"another 16 bytes"), id="key"),
        pytest.param(arguments(app="other"), id="app"),
        pytest.param(arguments(rid="r2"), id="record"),
        pytest.param(arguments(header=HEADER + b" "), id="header"),
        pytest.param(arguments(rid="r", header=b"1" + HEADER), id="shifted header"),
        pytest.param(results(), id="purpose result"),
        pytest.param(code(), id="purpose code"),
    ],
)
def test_a_body_is_refused_everywhere_else(other):
    body = arguments().seal(0, b"payload")
    with pytest.raises(BadSignature, match="it: it is not signed by this side's key"):
        other.open(0, body, "it")


def test_a_body_is_refused_for_another_member():
    with pytest.raises(BadSignature):
        arguments().open(1, arguments().seal(0, b"payload"), "it")


def test_a_change_of_any_bit_is_refused():
    body = bytearray(arguments().seal(0, b"payload"))
    for at in range(len(body)):
        for bit in range(8):
            body[at] ^= 1 << bit
            with pytest.raises(BadSignature):
                arguments().open(0, bytes(body), "it")
            body[at] ^= 1 << bit
    arguments().open(0, bytes(body), "it")


def test_a_body_cut_or_lengthened_anywhere_is_refused():
    body = arguments().seal(0, b"payload")
    for stop in range(len(body)):
        with pytest.raises(BadSignature):
            arguments().open(0, body[:stop], "it")
    with pytest.raises(BadSignature):
        arguments().open(0, body + b"\0", "it")


@pytest.mark.parametrize(
    "body", [b"", SYSTEM, SYSTEM + b"{}", SIGNED, SIGNED + bytes(16)], ids=repr
)
def test_what_was_never_signed_is_refused(body):
    with pytest.raises(BadSignature):
        results().open(0, body, "it")


def test_parts_of_a_context_cannot_run_into_each_other():
    one = Seal((KEY,), b"p", (b"ab", b"c")).seal(0, b"x")
    with pytest.raises(BadSignature):
        Seal((KEY,), b"p", (b"a", b"bc")).open(0, one, "it")


def test_a_short_key_is_refused_with_a_way_to_make_one():
    with pytest.raises(ConfigError, match="has 15 bytes, and needs at least 16: make one with"):
        Signer(KEY[:-1], "main")


def test_the_key_id_tells_keys_apart_and_tells_nothing_else():
    assert Signer(KEY, "a").key_id == Signer(KEY, "b").key_id
    assert Signer(KEY, "a").key_id != Signer(b"another 16 bytes", "a").key_id
    assert KEY.decode() not in repr(vars(Signer(KEY, "a")))


OLD = b"the key of before"


def test_the_first_key_of_a_ring_signs_and_all_are_accepted():
    both = Signer(KEY + b"\n" + OLD, "main")
    for ours, theirs in ((both, Signer(KEY, "main")), (Signer(OLD, "main"), both)):
        body = ours.results("r1").seal(0, b"payload")
        assert bytes(theirs.results("r1").open(0, body, "it")) == b"payload"
    with pytest.raises(BadSignature):
        Signer(OLD, "main").results("r1").open(0, both.results("r1").seal(0, b"payload"), "it")


def test_the_key_id_of_a_header_says_which_key_is_tried():
    both, old = Signer(KEY + b"\n" + OLD, "main"), Signer(OLD, "main")
    body = old.arguments("r1", HEADER).seal(0, b"payload")
    assert bytes(both.arguments("r1", HEADER, old.key_id).open(0, body, "it")) == b"payload"
    with pytest.raises(BadSignature):
        both.arguments("r1", HEADER, both.key_id).open(0, body, "it")


def test_an_unknown_key_is_named_with_those_that_are_known():
    body = Signer(OLD, "main").arguments("r1", HEADER).seal(0, b"payload")
    ours = Signer(KEY, "main")
    message = f"it, whose key is 'abcd' .here: {ours.key_id}.: it is not signed"
    with pytest.raises(BadSignature, match=message):
        ours.arguments("r1", HEADER, "abcd").open(0, body, "it")


def test_what_carries_no_signature_is_called_so():
    ours, body = Signer(KEY, "main"), arguments(key=INSECURE_KEY).seal(0, b"payload")
    sent_by = Signer(INSECURE_KEY, "main").key_id
    with pytest.raises(BadSignature, match=r"it, which has no signature .its client has insecure="):
        ours.arguments("r1", HEADER, sent_by).open(0, body, "it")


def test_a_ring_of_comments_is_no_key():
    with pytest.raises(ConfigError, match="has only comments"):
        Signer(b"# nothing\n\n", "main")


# Encrypted


def encrypting(key=KEY, app="main"):
    return Signer(key, app, encrypt=True)


def test_what_was_encrypted_opens_to_the_same_payload_and_cannot_be_read_by_others():
    body = encrypting().arguments("r1", HEADER).seal(3, b"payload")
    assert body[:1] == ENCRYPTED
    assert b"payload" not in body
    assert bytes(encrypting().arguments("r1", HEADER).open(3, body, "it")) == b"payload"
    assert body != encrypting().arguments("r1", HEADER).seal(3, b"payload")


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(encrypting(key=OLD).arguments("r1", HEADER), id="key"),
        pytest.param(encrypting(app="other").arguments("r1", HEADER), id="app"),
        pytest.param(encrypting().arguments("r2", HEADER), id="record"),
        pytest.param(encrypting().arguments("r1", HEADER + b" "), id="header"),
        pytest.param(encrypting().arguments("r", b"1" + HEADER), id="shifted header"),
        pytest.param(encrypting().results("r1"), id="purpose result"),
        pytest.param(encrypting().code(), id="purpose code"),
    ],
)
def test_an_encrypted_body_is_refused_everywhere_else(other):
    body = encrypting().arguments("r1", HEADER).seal(0, b"payload")
    with pytest.raises(BadSignature):
        other.open(0, body, "it")


def test_an_encrypted_body_that_was_changed_cut_or_moved_is_refused():
    seal = encrypting().results("r1")
    body = seal.seal(0, b"payload")
    for at in range(1, len(body)):
        changed = body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :]
        for other in (changed, body[:at], b"\1" + body[1:], b"\0" + body[1:]):
            with pytest.raises(BadSignature):
                seal.open(0, other, "it")
    with pytest.raises(BadSignature):
        seal.open(1, body, "it")


def test_a_side_that_encrypts_reads_what_is_only_signed_and_answers_in_kind():
    plain, secret = Signer(KEY, "main").results("r1"), encrypting().results("r1")
    body = plain.seal(0, b"payload")
    assert bytes(secret.open(0, body, "it")) == b"payload"
    assert secret.like(body).seal(0, b"answer")[:1] == SIGNED
    assert secret.like(secret.seal(0, b"payload")).seal(0, b"answer")[:1] == ENCRYPTED
    assert plain.like(body) is plain


def test_a_side_that_does_not_encrypt_says_what_to_do_with_what_is_encrypted():
    body = encrypting().results("r1").seal(0, b"payload")
    with pytest.raises(ContentRefused, match=r"it: it is encrypted, .* Set encrypt=True"):
        Signer(KEY, "main").results("r1").open(0, body, "it")


def test_all_keys_of_a_ring_decrypt():
    ring, old = encrypting(KEY + b"\n" + OLD), encrypting(OLD)
    body = old.results("r1").seal(0, b"payload")
    assert bytes(ring.results("r1").open(0, body, "it")) == b"payload"
    assert old.code_name("ab") != Signer(OLD, "main").code_name("ab")


def test_encrypting_without_the_library_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "nbtasks.cipher", None)
    with pytest.raises(ConfigError, match=r'encrypt is set, .*: pip install "nbtasks\[crypto\]"'):
        encrypting()
