"""What a slice takes from other records: their values, and how those stand in its arguments.

Redis delivers, for each source of a header, the states of its members and a body of each. Which
records and members those must be is signed with the header, and so is each body with its place:
what is of another place is refused. A body is verified once, and decoded anew for each member, so
that none of them sees what another one did to its value; only what nobody can change is shared.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any, Final, NamedTuple

from nbtasks.errors import BadSignature, TaskRevoked, TooBig, UnknownTask
from nbtasks.failure import (
    ERROR,
    chord_failure,
    read_dependency,
    read_exception,
    system_failure,
)
from nbtasks.inputs import PLAIN, Inputs, make, place
from nbtasks.record import member_id
from nbtasks.serializers import Codec, decode_json, encode_json
from nbtasks.signing import HEAD, SYSTEM, Seal
from nbtasks.states import FAILURE, IGNORED, REVOKED, SUCCESS, is_finished
from nbtasks.worker.work import ChildSettings, Work

REPLACED_BY: Final = b"U"
"""First byte of arguments that are not encoded: JSON about what goes on in the task's place."""

JOINED: Final = "+"
"""Begins the name of what a task has added to its chord, and the id that its note is signed for."""

_NAME: Final = re.compile(r"([^/]+)/([0-9]{1,9})/([0-9]{1,9})")

MOST_KEPT: Final = 4_000_000
"""Bytes that were delivered with a slice, and are kept for the next one."""

Arguments = tuple[tuple[Any, ...], dict[str, Any]]


class Member(NamedTuple):
    """A member of a record of `n`."""

    rid: str
    at: int
    n: int

    @property
    def task_id(self) -> str:
        """Its id."""
        return member_id(self.rid, self.at, self.n)


class Part(NamedTuple):
    """What became of a member: None where it has not finished, or is not needed.

    Otherwise the payload of a value, or of an error, or an error that is no payload. That of a
    chord's body stands for the error of the task `chord`.
    """

    member: Member
    found: memoryview | BaseException | None
    is_error: bool = False
    chord: str = ""


class Upstream:
    """What is delivered with a slice, opened when it is first asked for."""

    def __init__(self, work: Work, settings: ChildSettings, whose: str) -> None:
        self._work = work
        self._settings = settings
        self._whose = whose
        self._blocks: list[tuple[Inputs, int]] | None = None
        self._parts: dict[int, list[Part]] = {}
        self._plain: dict[int, Sequence[Any]] = {}

    def arguments(self, inputs: Inputs, index: int, own: Arguments, codec: Codec) -> Arguments:
        """The arguments of a member, with all that it takes from others.

        Raises:
            BadSignature: Something else was delivered than the header says.
            UnknownTask: A value is no longer stored.
            BaseException: The error of a task that was to succeed.
        """
        if self._blocks is None:
            self._blocks = list(self._verify(inputs))
        (_, start), *added = self._blocks
        values = self._values(inputs, start, index, codec)
        whole: Any = own
        for path, shape in inputs.puts:
            whole = place(whole, path, make(shape, values))
        args, kwargs = whole
        if inputs.take is None:
            return args, kwargs
        first: Any = make(inputs.take, values)
        if added:
            more = [
                make(each.take or [], self._values(each, start, index, codec))
                for each, start in added
            ]
            first = [*first, *more]
        return (first, *args), kwargs

    def serves(self, work: Work) -> bool:
        """Whether the same was delivered with this slice, too."""
        own = self._work
        return (work.rid, work.header) == (own.rid, own.header) and work.inputs == own.inputs

    def open(self, member: Member, state: int, body: bytes) -> Part:
        """A member of another record, verified.

        Raises:
            BadSignature: The body is not that member's, or not of this state.
            UnknownTask: It is no longer stored.
        """
        return self._open(self._settings.signer.results(member.rid), member, state, body)

    def read(self, part: Part, codec: Codec) -> Any:
        """The value of a part, decoded anew; an exception where it failed."""
        found = part.found
        if isinstance(found, memoryview):
            if not part.is_error:
                return codec.decode(found, self._whose)
            found = read_exception(found, codec)
        return chord_failure(part.chord, found) if part.chord and found is not None else found

    def _verify(self, inputs: Inputs) -> Iterator[tuple[Inputs, int]]:
        """Open all that was delivered, before anything of it is decoded.

        Gives what the header takes, then what tasks of a chord's header have added, and where each
        begins.
        """
        delivered = self._work.inputs
        self._open_all(inputs, 0)
        yield inputs, 0
        at = len(inputs.sources)
        while at < len(delivered) and inputs.take is not None and inputs.take[0] == "l":
            # Who sent it knows nothing of the rule of the body.
            note = self._note(inputs, delivered[at])
            added = replace(note, takes_errors=inputs.takes_errors)
            self._open_all(added, at + 1)
            yield added, at + 1
            at += 1 + len(added.sources)

    def _open_all(self, inputs: Inputs, start: int) -> None:
        delivered = self._work.inputs[start : start + len(inputs.sources)]
        if len(delivered) < len(inputs.sources):
            raise BadSignature(self._whose)
        for at, (text, item) in enumerate(zip(inputs.sources, delivered, strict=True)):
            if not item:
                raise BadSignature(self._whose)
            parts = self._parts[start + at] = list(self._parts_of(text, item[0], item[1:]))
            is_whole = text[0] == "e" or not inputs.counts or len(parts) == inputs.counts[at]
            if not is_whole or not (
                inputs.takes_errors or all(part.found is not None for part in parts)
            ):
                raise BadSignature(self._whose)

    def _values(self, inputs: Inputs, start: int, index: int, codec: Codec) -> list[Sequence[Any]]:
        """The values of each source, decoded; what is delivered of the first stands at `start`."""
        found: list[Sequence[Any]] = []
        for at, text in enumerate(inputs.sources, start):
            known = self._plain.get(at)
            if known is None:
                parts = self._parts[at]
                if text[0] == "e":
                    offset = index - self._work.start
                    parts = parts[offset : offset + 1]
                if not parts:
                    raise BadSignature(self._whose)
                known = [self.read(part, codec) for part in parts]
                for part, value in zip(parts, known, strict=True):
                    if part.is_error and not inputs.takes_errors:
                        raise value
                if text[0] != "e" and PLAIN.issuperset(map(type, known)):
                    self._plain[at] = known
            found.append(known)
        return found

    def _parts_of(self, text: str, states: bytes, bodies: Sequence[bytes]) -> Iterator[Part]:
        start, n = 0, len(states)
        rid = text[1:]
        if text[0] == "1":
            rid, _, place_ = rid.rpartition("/")
            start, n = int(place_), n + 1  # a member of several, or it would be `w`
        elif text[0] == "e":
            start, n = self._work.start, self._work.members
        if not (states or bodies):
            raise UnknownTask(rid)
        if len(states) != len(bodies) or (text[0] == "1" and len(states) != 1):
            raise BadSignature(self._whose)
        seal = self._settings.signer.results(rid)
        for index, (state, body) in enumerate(zip(states, bodies, strict=True), start):
            yield self._open(seal, Member(rid, index, n), state, body)

    def _open(self, seal: Seal, member: Member, state: int, body: bytes) -> Part:
        if not is_finished(state) or state == IGNORED:
            return Part(member, None)
        if not body and state == REVOKED:
            return Part(member, TaskRevoked(member.task_id), is_error=True)
        if not body:
            raise UnknownTask(member.task_id)
        if body[:1] == SYSTEM and state != SUCCESS:
            return self._system(member, body)
        most = self._settings.max_value
        if len(body) > most + HEAD:
            raise TooBig(self._what(member), len(body), most, "max_input")
        payload = seal.open(member.at, body, self._whose)
        is_error = bytes(payload[:1]) == ERROR
        if is_error == (state == SUCCESS):
            # The state is not signed, but what was signed says which it is.
            raise BadSignature(self._what(member))
        return Part(member, payload, is_error)

    def _system(self, member: Member, body: bytes) -> Part:
        """An error that the store wrote; behind it stands the one that it was passed on from."""
        words, _, cause = body.partition(b"\n")
        blamed = read_dependency(words)
        if blamed is None:
            return Part(member, system_failure(words, member.task_id), is_error=True)
        task_id, rid, at = blamed.task_id, blamed.rid, blamed.index
        chord = task_id if blamed.is_chord else ""
        if not cause:
            return Part(member, TaskRevoked(task_id), is_error=True, chord=chord)
        if cause[:1] == SYSTEM:
            return Part(member, system_failure(cause, task_id), is_error=True, chord=chord)
        seal = self._settings.signer.results(rid)
        return self._open(seal, Member(rid, at, at + 2), FAILURE, cause)._replace(chord=chord)

    def _note(self, inputs: Inputs, item: Sequence[bytes]) -> Inputs:
        """The note of what was added, where a task that this one waits for has signed it."""
        name = split_name(item[0][1:]) if item and item[0][:1] == JOINED.encode() else None
        if name is None or len(item) != 2:  # noqa: PLR2004 - name and note
            raise BadSignature(self._whose)
        rid, index, sequence = name
        if not {f"w{rid}", f"1{rid}/{index}"} & set(inputs.sources):
            raise BadSignature(self._whose)
        seal = self._settings.signer.results(JOINED + rid)
        fields = decode_json(seal.open(index, item[1], self._whose))
        if fields.get("number") != sequence:
            raise BadSignature(self._whose)
        return Inputs.from_header(fields)

    def _what(self, member: Member) -> str:
        return f"{self._whose}, for what it takes from task {member.task_id!r}"


class Upstreams:
    """Keeps what was opened for a slice: each member of a group may take the same long list."""

    def __init__(self, settings: ChildSettings) -> None:
        self._settings = settings
        self._last: Upstream | None = None

    def of(self, work: Work, inputs: Inputs, whose: str, *, is_shared: bool) -> Upstream:
        """What is delivered with a slice; `is_shared` where others of its record get the same."""
        last = self._last
        if last is not None and is_shared and last.serves(work):
            return last
        found = Upstream(work, self._settings, whose)
        is_shared = is_shared and not any(source[0] == "e" for source in inputs.sources)
        is_small = is_shared and sum(map(len, chain.from_iterable(work.inputs))) <= MOST_KEPT
        self._last = found if is_small else None
        return found


def is_of(source: str, rid: str, index: int, own: int) -> bool:
    """Whether member `index` of a record is what member `own` waits for by this source."""
    if source[0] == "1":
        return source == f"1{rid}/{index}"
    return source[1:] == rid and (source[0] == "w" or index == own)


def replaced_by(inputs: Inputs, form: bytes) -> bytes:
    """The arguments of a task that was replaced: what goes on in its place.

    `form` is what those it had begin with: its answer is to be written as they were.
    """
    return REPLACED_BY + encode_json({**inputs.to_header(), "form": form.decode("latin-1")})


def read_replaced_by(payload: memoryview) -> tuple[Inputs, memoryview]:
    """What `replaced_by` made, verified."""
    fields = decode_json(payload[1:])
    return Inputs.from_header(fields), memoryview(fields["form"].encode("latin-1"))


def split_name(name: bytes) -> tuple[str, int, int] | None:
    """The parts of `<rid>/<number>/<number>`; None of anything else."""
    found = _NAME.fullmatch(name.decode("utf-8", "replace"))
    return (found[1], int(found[2]), int(found[3])) if found else None
