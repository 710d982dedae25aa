"""Compressed payloads: smaller, never larger than allowed, and refused before they are large."""

import os
import sys

import pytest

from nbtasks import compression
from nbtasks.compression import METHODS, check_method
from nbtasks.errors import ConfigError, ContentRefused, TooBig
from nbtasks.serializers import Codec, form_of, head_of, make_codec

TEXT = "all work and no play " * 20_000
ALL = ("pickle", "json", "yaml", "msgpack")


def packed(method="zlib", form="pickle", value=TEXT, limit=10**7):
    codec = make_codec(form, ALL, limit).packing(method)
    return codec, codec.pack(codec.encode(value, "it")[0])


@pytest.mark.parametrize("form", ALL)
@pytest.mark.parametrize("method", METHODS)
def test_what_is_compressed_comes_back(method, form):
    codec, payload = packed(method, form)
    assert payload[:1] == b"Z"
    assert len(payload) < len(TEXT) / 10
    assert form_of(payload) == form
    assert codec.decode(memoryview(payload), "it") == TEXT


def test_what_is_small_or_would_not_become_smaller_is_left():
    assert packed(value="short")[1][:1] == b"P"
    assert packed(value=os.urandom(50_000))[1][:1] == b"P"


@pytest.mark.parametrize("method", METHODS)
def test_it_never_becomes_larger_than_allowed(method):
    _, payload = packed(method)
    with pytest.raises(TooBig, match=r"it is 0\.4 MB, above the limit of 0\.0 MB"):
        Codec(limit=1000).decode(payload, "it")
    lie = payload[:2] + (900).to_bytes(8, "little") + payload[10:]
    with pytest.raises(ContentRefused, match=f"with {method}, and damaged"):
        Codec(limit=1000).decode(lie, "it")


@pytest.mark.parametrize("method", METHODS)
def test_what_is_damaged_is_refused(method):
    _, payload = packed(method)
    with pytest.raises(ContentRefused, match="and damaged"):
        Codec().decode(payload[:-40], "it")


def test_a_form_that_is_not_accepted_is_refused_before_it_is_made_large():
    _, payload = packed()
    with pytest.raises(ContentRefused, match="it is pickle"):
        make_codec("json", ()).decode(payload[:20], "it")


def test_what_is_compressed_twice_has_no_form():
    _, payload = packed()
    twice = compression.pack(payload + bytes(5000), 1, "zlib")
    with pytest.raises(ContentRefused, match="unknown form"):
        Codec().decode(twice, "it")


def test_a_method_that_is_not_known_here_is_refused(monkeypatch):
    _, payload = packed()
    with pytest.raises(ContentRefused, match="compressed"):
        Codec().check(b"Z?" + payload[2:], "it")
    monkeypatch.setitem(METHODS, "zlib", METHODS["zstd"])
    monkeypatch.delitem(sys.modules, "zstandard", raising=False)
    monkeypatch.setattr(compression, "find_spec", lambda _: None)
    with pytest.raises(ContentRefused, match=r"pip install 'nbtasks.zlib.'"):
        Codec().check(payload, "it")
    with pytest.raises(ContentRefused, match="compressed with zlib"):
        Codec(packs="zlib").check(b"P", "it")
    with pytest.raises(ConfigError, match="needs a package"):
        check_method("zlib")


@pytest.mark.parametrize(
    ("said", "meant"),
    [("gzip", "zlib"), ("bzip2", "bzip2"), ("xz", "lzma"), ("zstandard", "zstd"), ("none", "")],
)
def test_celerys_names_are_as_good(said, meant):
    assert check_method(said) == meant


@pytest.mark.parametrize(
    ("wrong", "words"), [("gzp", "did you mean 'gzip'"), (5, "must be one of zlib"), ("?", "are")]
)
def test_a_method_that_there_is_not_is_an_error(wrong, words):
    with pytest.raises(ConfigError, match=words):
        check_method(wrong)


@pytest.mark.parametrize("form", ALL)
def test_an_answer_has_the_form_of_a_compressed_question(form):
    _, payload = packed(form=form)
    assert make_codec("pickle", ALL, 5).like(memoryview(head_of(payload))).writes == form
    assert make_codec("pickle", ALL, 5).like(payload).limit == 5
