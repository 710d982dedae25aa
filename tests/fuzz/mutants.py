"""Genuine messages and results, and changed ones: flipped, cut, spliced, moved, edited."""

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, replace
from fractions import Fraction

from nbtasks.failure import encode_failure, system_body
from nbtasks.functions import FunctionCache
from nbtasks.inputs import Inputs
from nbtasks.record import Header
from nbtasks.retry import RetryPolicy
from nbtasks.serializers import encode_json, make_codec
from nbtasks.signing import INSECURE_KEY, Signer
from nbtasks.states import FAILURE, REVOKED, SUCCESS

KEY = b"the key of this side"
OLD_KEY = b"the key of the year before"
FOREIGN_KEY = b"the key of somebody else"
RECORDS, MEMBERS = 3, 3
LONG = 200_000
MODES = ("pickle", "json", "encrypted")


def codec_of(mode):
    """What this side writes and reads."""
    return make_codec("json" if mode == "json" else "pickle", ())


def signer_of(mode, key=KEY + b"\n" + OLD_KEY, app="main"):
    """This side's keys, of which the second is only accepted."""
    return Signer(key, app, encrypt=mode == "encrypted")


def value_of(mode):
    """A value; unpickling it looks up a class, which an audit hook sees."""
    return [1, "a", None] if mode == "json" else [Fraction(1, 3), "a", None]


@dataclass(frozen=True)
class Message:
    """One member as a parent hands it over."""

    rid: str
    index: int
    header: bytes
    code: str
    body: bytes
    blob: bytes
    inputs: tuple[tuple[bytes, ...], ...] = ()


def messages(mode):
    """Genuine ones: some records over two functions, signed by a key that is accepted."""
    codec = codec_of(mode)
    payload = codec.encode(((value_of(mode),), {}), "it")[0]
    found = []
    for at in range(RECORDS):
        signer = signer_of(mode, OLD_KEY if at == 0 else KEY)
        code = FunctionCache().code((repr, len, ascii)[at], "fit", codec)
        blob = signer.code().seal(0, code.blob)
        name = signer.code_name(code.hash)
        retry = RetryPolicy(max_retries=2)
        header = Header(task="fit", code=name, key_id=signer.key_id, retry=retry).encode()
        seal = signer.arguments(f"r{at}", header)
        found += [
            Message(f"r{at}", index, header, name, seal.seal(index, payload), blob)
            for index in range(MEMBERS)
        ]
    return [*found, *_takers(mode, codec)]


TAKES = Inputs(sources=("wA", "1B/2"), take=["l", [["a", 0], ["v", 1]]], counts=(2, 1))


def _takers(mode, codec):
    """Genuine ones that take values of two other records; one of them of what was added, too."""
    signer = signer_of(mode)
    code = FunctionCache().code(all, "fit", codec)  # none of the others: its blob would do, too
    name = signer.code_name(code.hash)
    retry = RetryPolicy(max_retries=2)
    header = Header(task="fit", code=name, key_id=signer.key_id, retry=retry, inputs=TAKES).encode()
    body = signer.arguments("r8", header).seal(0, codec.encode(((), {}), "it")[0])
    value = codec.encode(value_of(mode), "it")[0]
    inputs = (
        (b"SS", *(signer.results("A").seal(at, value) for at in range(2))),
        (b"S", signer.results("B").seal(2, value)),
    )
    fields = {"number": 0, "from": ["wC"], "take": ["v", 0], "n": [1]}
    note = signer.results("+A").seal(1, encode_json(fields))
    added = ((b"+A/1/0", note), (b"S", signer.results("C").seal(0, value)))
    one = Message("r8", 0, header, name, body, signer.code().seal(0, code.blob), inputs)
    return [one, replace(one, inputs=inputs + added)]


def _other_inputs(chance, inputs, others):
    """What is delivered with something wrong in it."""
    items = [list(item) for item in inputs]
    item = chance.choice(items)
    at = chance.randrange(len(item))
    match chance.randrange(5):
        case 0 | 1:
            item[at] = change(chance, item[at], others)
        case 2:
            two = chance.choice(items)
            item[at] = two[chance.randrange(len(two))]
        case 3:
            item[0] = bytes(chance.choice(b"SFRIpsrw") for _ in range(len(item) - 1))
        case _:
            del item[at], items[chance.randrange(len(items)) :]
    return tuple(map(tuple, items))


def foreign(mode, genuine):
    """Bodies that are genuine elsewhere: for another purpose, app or key, or with no secret."""
    codec = codec_of(mode)
    payload = codec.encode(((value_of(mode),), {}), "it")[0]
    one = genuine[0]
    seals = [signer_of(mode).results(one.rid), signer_of(mode).code()]
    seals += [
        signer_of(mode, key, app).arguments(one.rid, one.header)
        for key, app in ((KEY, "other"), (FOREIGN_KEY, "main"), (INSECURE_KEY, "main"))
    ]
    return [seal.seal(0, payload) for seal in seals] + [b"\1" + payload, b"\2" + payload, payload]


def change(chance, data, others):
    """Bytes with something wrong in them."""
    other = chance.choice(others)
    data = data or other  # it may have been cut to nothing before
    at = chance.randrange(len(data))
    match chance.randrange(9):
        case 0 | 1:
            changed = data[:at] + bytes([data[at] ^ 1 << chance.randrange(8)]) + data[at + 1 :]
        case 2:
            changed = data[:at]
        case 3:
            changed = data[:at] + chance.randbytes(chance.randrange(1, 40)) + data[at:]
        case 4:
            changed = data[:at] + other[min(at, len(other)) :]
        case 5:
            changed = other[: chance.randrange(len(other) + 1)] + data[at:]
        case 6:
            changed = bytes([chance.randrange(256)]) + data[1:]
        case 7:
            changed = chance.randbytes(chance.randrange(80))
        case _:
            changed = data + data[: chance.randrange(1, 40)] * chance.choice((1, 1, 1, LONG // 40))
    return changed


_VALUES = [None, True, -1, 0, 5, 10**30, 1e400, "", "x", "x" * 2000, [], {}, ["a"], {"max": 1}]


def edit(chance, header):
    """A header with a field that says something else, or is gone."""
    fields = json.loads(header)
    name = chance.choice([*fields, "at", "new"])
    match chance.randrange(3):
        case 0:
            fields.pop(name, None)
        case 1:
            fields[name] = chance.choice(_VALUES)
        case _:
            fields["retry"] = {**(fields["retry"] or {}), "max": chance.choice(_VALUES)}
    text = json.dumps(fields)
    if chance.randrange(20) == 0:
        text = "[" * chance.randrange(1, 70_000)
    return text.encode()


def changed_messages(seed: int, mode: str) -> Iterator[Message]:
    """Without end; none of them is genuine."""
    chance = random.Random(seed)
    genuine = messages(mode)
    known = {astuple(each) for each in genuine}
    strangers = foreign(mode, genuine)
    while True:
        one, two = chance.choice(genuine), chance.choice(genuine)
        bodies = [two.body, two.blob, *strangers]
        for _ in range(chance.choice((1, 1, 1, 2))):
            one = _changed(chance, one, two, bodies)
        if astuple(one) not in known:
            yield one


def _changed(chance: random.Random, one: Message, two: Message, bodies: Sequence[bytes]) -> Message:
    if one.inputs and chance.randrange(2):
        return replace(one, inputs=_other_inputs(chance, one.inputs, bodies))
    match chance.randrange(12):
        case 0 | 1 | 2:
            changed = replace(one, body=change(chance, one.body, bodies))
        case 3:
            changed = replace(one, body=chance.choice(bodies))
        case 4:
            changed = replace(one, header=change(chance, one.header, [two.header, two.body]))
        case 5 | 6:
            changed = replace(one, header=edit(chance, two.header))
        case 7:
            changed = replace(one, header=two.header, code=chance.choice((one.code, two.code)))
        case 8:
            rid = chance.choice((two.rid, one.rid + "0", "", "é", "r" * 1000))
            changed = replace(one, rid=rid, index=chance.choice((one.index, two.index)))
        case 9:
            changed = replace(one, index=chance.choice((two.index, 10, 2**31)))
        case 10:
            changed = replace(
                one, code=chance.choice((two.code, one.code + "-e", one.code[:-1], ""))
            )
        case _:
            blob = chance.choice((two.blob, change(chance, one.blob, bodies)))
            changed = replace(one, blob=blob)
    return changed


@dataclass(frozen=True)
class Result:
    """One member as the store has it: a state, and the body that goes with it."""

    index: int
    state: int
    body: bytes


def results(mode: str, rid: str) -> list[Result]:
    """Genuine ones: values and errors, and what the store itself may write."""
    codec, seal = codec_of(mode), signer_of(mode).results(rid)
    value = codec.encode(value_of(mode), "it")[0]
    error = encode_failure(KeyError(value_of(mode)[1]), "note", codec)
    return [
        *(Result(at, SUCCESS, seal.seal(at, value)) for at in range(MEMBERS)),
        *(Result(at, FAILURE, seal.seal(at, error)) for at in range(MEMBERS)),
        Result(0, FAILURE, system_body("WorkerLost", deaths=1, reason="x")),
        Result(0, REVOKED, system_body("TaskRevoked", reason="expired")),
    ]


def changed_results(seed: int, mode: str, rid: str) -> Iterator[Result]:
    """Without end; none of them is genuine."""
    chance = random.Random(seed)
    genuine = results(mode, rid)
    known = {astuple(each) for each in genuine}
    # The state byte is not signed: a failed member may be called revoked, and the other way round.
    known |= {(each.index, REVOKED, each.body) for each in genuine if each.state == FAILURE}
    known |= {(each.index, FAILURE, each.body) for each in genuine if each.state == REVOKED}
    others = [each.body for each in results(mode, "r9")] + foreign(mode, messages(mode))
    while True:
        one, two = chance.choice(genuine), chance.choice(genuine)
        match chance.randrange(6):
            case 0 | 1 | 2:
                one = replace(one, body=change(chance, one.body, [two.body, *others]))
            case 3:
                one = replace(one, body=chance.choice(others))
            case 4:
                one = replace(one, index=chance.randrange(MEMBERS), body=two.body)
            case _:
                one = replace(one, state=chance.choice((SUCCESS, FAILURE, REVOKED)), body=two.body)
        if astuple(one) not in known:
            yield one
