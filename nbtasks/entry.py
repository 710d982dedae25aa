"""A schedule entry: what is sent, and when, signed whole; and the records of one run of it (pure).

Whoever fires an entry runs none of its code and unpickles nothing: an entry holds the records of a
run as they were made by who added it, without their digests. A run gets ids of its own, and is
signed anew under them.
"""

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any, Final

from nbtasks.edges import Edge, Edges
from nbtasks.errors import BadSignature, ConfigError
from nbtasks.header_fields import MAX_FIELD
from nbtasks.overlap import Policy
from nbtasks.record import Header, Record, check_name
from nbtasks.schedule import Schedule, schedule_from_json
from nbtasks.schedule.zones import from_ms
from nbtasks.serializers import decode_json, encode_json
from nbtasks.signing import Signer

FORMAT: Final = 1
MOST_RECORDS: Final = 500
"""Of one run: they begin in one step, which is not to hold Redis for long."""

_length = struct.Struct("<I")
_PLAIN = (
    "python", "code", "name", "queue", "priority", "delay_ms", "expires_ms", "keep_ms",
    "max_deliveries", "max_queued",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What is sent, and when.

    Attributes:
        name: Its name.
        schedule: When it is due.
        policy: What becomes of times that were missed, or at which the last run has not ended.
        base: What the ids of its records begin with; that of the first is just this.
        head: All of it but the arguments, as JSON.
        payloads: The encoded arguments of all members of all records.
    """

    name: str
    schedule: Schedule
    policy: Policy
    base: str
    head: str
    payloads: Sequence[bytes]

    @property
    def size(self) -> int:
        """Its bytes, about."""
        return len(self.head) + sum(map(len, self.payloads))

    @property
    def codes(self) -> list[str]:
        """The names of all code that it needs."""
        return list(dict.fromkeys(record["code"] for record in decode_head(self.head)["records"]))

    @property
    def mark(self) -> str:
        """A mark that is the same for entries that do the same at the same times."""
        text = self.head.replace(self.base, "").encode()
        parts = blake2b(text, digest_size=16)
        for payload in self.payloads:
            parts.update(_length.pack(len(payload)) + payload)
        return parts.hexdigest()

    def retimed(self, rule: Schedule, signer: Signer) -> "Entry":
        """The same, due by another rule; `signer` is who will sign it."""
        fields = {**decode_head(self.head), "when": rule.to_json(), "key": signer.key_id}
        return replace(self, schedule=rule, head=encode_json(fields).decode())

    def encode(self, signer: Signer) -> bytes:
        """As it is stored: signed, and encrypted where arguments are."""
        head = self.head.encode()
        whole = b"".join((_length.pack(len(head)), head, *self.payloads))
        return signer.entries(self.name).seal(0, whole)

    @classmethod
    def decode(cls, name: str, body: bytes, signer: Signer) -> "Entry":
        """What `encode` made.

        Raises:
            BadSignature: It is not signed by a key of ours, or is another entry.
            ConfigError: A newer nbtasks wrote it.
        """
        what = f"schedule entry {name!r} is refused"
        view = signer.entries(name).open(0, body, what)
        (size,) = _length.unpack_from(view, 0)
        start = _length.size + size
        head = bytes(view[_length.size : start]).decode()
        fields = decode_head(head)
        payloads: list[bytes] = []
        for record in fields["records"]:
            for count in record["sizes"]:
                payloads.append(bytes(view[start : start + count]))
                start += count
        return cls(
            name=name,
            schedule=schedule_from_json(fields["when"]),
            policy=Policy.from_json(fields["policy"]),
            base=fields["base"],
            head=head,
            payloads=payloads,
        )


def make_entry(
    name: str,
    records: Sequence[Record],
    *,
    rule: Schedule,
    policy: Policy,
    drawing: Mapping[str, Any],
    signer: Signer,
) -> Entry:
    """An entry of the records of one run, as they would be sent.

    Args:
        name: Its name.
        records: The records; the ids of all begin with that of the first.
        rule: When it is due.
        policy: What becomes of times that cannot be kept.
        drawing: How the run is drawn.
        signer: Who has signed them.

    Raises:
        ConfigError: The run has too many records.
    """
    _check_count(len(records), name)
    found, payloads = _opened(records, signer, name)
    fields = {
        "v": FORMAT,
        "base": records[0].rid,
        "when": rule.to_json(),
        "policy": policy.to_json(),
        "drawing": drawing,
        "records": found,
        "key": signer.key_id,
    }
    head = encode_json(fields).decode()
    return Entry(
        name=name, schedule=rule, policy=policy, base=records[0].rid, head=head, payloads=payloads
    )


def _check_count(count: int, name: str) -> None:
    if count > MOST_RECORDS:
        raise ConfigError(
            f"schedule entry {name!r} is a canvas of {count} records, and may have"
            f" {MOST_RECORDS}: schedule a task that sends it"
        )


def _opened(
    records: Sequence[Record], signer: Signer, name: str
) -> tuple[list[dict[str, Any]], list[bytes]]:
    """The records without their digests, and the arguments of all their members."""
    found: list[dict[str, Any]] = []
    payloads: list[bytes] = []
    for record in records:
        opened = signer.arguments(record.rid, record.header)
        own = [bytes(opened.open(at, body, name)) for at, body in enumerate(record.bodies)]
        found.append(_plain_record(record, [len(payload) for payload in own]))
        payloads += own
    return found, payloads


def decode_head(head: str) -> dict[str, Any]:
    """What the head of an entry says.

    Raises:
        ConfigError: A newer nbtasks wrote it.
    """
    fields: dict[str, Any] = decode_json(head.encode())
    if fields.get("v") != FORMAT:
        raise ConfigError(
            f"a schedule entry has format {fields.get('v')!r}, and this nbtasks reads {FORMAT}:"
            " install the same version of nbtasks on clients and workers"
        )
    return fields


def run_id(app: str, name: str, when: int | str) -> str:
    """The id of the run of an entry for a due time (ms), or for a request of its own (a nonce).

    Whoever fires it finds the same id, so what is fired twice is stored once.
    """
    text = f"{len(name)}:{name}:{app}:{when}"
    return blake2b(text.encode(), digest_size=10, person=b"nbt-run").hexdigest()


def run_records(
    entry: Entry, rid: str, due_ms: int, now_ms: int, signer: Signer
) -> tuple[list[Record], dict[str, Any]]:
    """The records of one run, signed, and its drawing.

    Args:
        entry: The entry.
        rid: The id of the run.
        due_ms: The time that it is fired for.
        now_ms: The time.
        signer: Who signs it.

    Raises:
        BadSignature: The entry is none that can be read.
    """
    due = from_ms(due_ms).isoformat()
    stamps = {"schedule": entry.name, "due": due}
    payloads = iter(entry.payloads)
    try:
        fields = decode_head(entry.head.replace(entry.base, rid))
        records = [
            _record(record, stamps, now_ms, signer, payloads) for record in fields["records"]
        ]
    except (KeyError, TypeError, ValueError, StopIteration) as error:
        if isinstance(error, ConfigError):
            raise
        raise BadSignature(f"schedule entry {entry.name!r} cannot be read") from None
    return records, fields["drawing"]


def check_entry_name(name: object) -> str:
    """The name, if an entry may have it: any text that can be shown.

    Raises:
        ConfigError: It is empty, too long, or has characters that cannot be shown.
    """
    good = isinstance(name, str) and name.strip() == name and name.isprintable()
    if not good or not 0 < len(str(name)) <= MAX_FIELD:
        raise ConfigError(
            f"the name of a schedule entry is {name!r}: use 1 to {MAX_FIELD} characters that can be"
            " shown, and no space around them"
        )
    return str(name)


def _plain_record(record: Record, sizes: list[int]) -> dict[str, Any]:
    edges = record.edges
    if edges is None:
        raise ConfigError(f"record {record.rid} was not made to be held")
    if edges.known:
        raise ConfigError(
            f"{record.name!r} takes the result of a task that was sent before, which is gone when"
            " it runs again: put that task into the schedule as well, as a chain"
        )
    check_name(record.name, "task name")
    return {
        "rid": record.rid,
        "header": record.header.decode(),
        "sizes": sizes,
        "edges": {
            "root": edges.root,
            "sources": edges.sources,
            "delivered": edges.delivered,
            "errback": edges.is_errback,
            "rule": edges.rule,
            "chord": edges.is_chord,
            "out": [[edge.span, edge.target, edge.index, edge.is_chord] for edge in edges.out],
        },
        **{name: getattr(record, name) for name in _PLAIN},
        **({"limit": record.limit, "keys": list(record.keys)} if record.limit else {}),
    }


def _record(
    fields: Mapping[str, Any],
    stamps: Mapping[str, Any],
    now_ms: int,
    signer: Signer,
    payloads: Iterator[bytes],
) -> Record:
    header = Header.decode(fields["header"].encode())
    header = replace(
        header,
        key_id=signer.key_id,
        sent_ms=now_ms + fields["delay_ms"],
        stamps={**stamps, **header.stamps},
    )
    encoded = header.encode()
    seal = signer.arguments(fields["rid"], encoded).seal
    edges = fields["edges"]
    return Record(
        rid=fields["rid"],
        header=encoded,
        bodies=[seal(at, next(payloads)) for at in range(len(fields["sizes"]))],
        edges=Edges(
            root=edges["root"],
            sources=tuple(edges["sources"]),
            delivered=edges["delivered"],
            is_errback=edges["errback"],
            rule=edges["rule"],
            is_chord=edges["chord"],
            out=tuple(
                Edge(span, target, index, is_chord)
                for span, target, index, is_chord in edges["out"]
            ),
        ),
        limit=str(fields.get("limit", "")),
        keys=tuple(map(str, fields.get("keys", ()))),
        **{name: fields[name] for name in _PLAIN},
    )
