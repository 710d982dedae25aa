"""What no event has carried, asked of Redis: headers, large bodies, and all that is stored."""

from collections.abc import Iterator
from typing import Final

from nbtasks.archive.database import Database
from nbtasks.archive.rows import NO_END, Missing, Rows
from nbtasks.archive.schema import Row
from nbtasks.record import member_id
from nbtasks.serializers import Codec
from nbtasks.signing import Signer
from nbtasks.states import FAILURE, REVOKED, STATES, SUCCESS, is_finished
from nbtasks.store.facts import RecordFacts, all_records, describe, fetch
from nbtasks.store.store import Store

PAGE: Final = 500
"""Members of a record whose bodies are read at a time."""

_HAS_BODY: Final = frozenset((SUCCESS, FAILURE, REVOKED))


def complete(rows: Rows, store: Store, database: Database) -> None:
    """Ask for what these rows lack, as far as it is still stored."""
    if unknown := rows.unknown():
        known = database.known(unknown)
        for rid, facts in describe(store, [rid for rid in unknown if rid not in known]):
            if facts is not None:
                rows.complete(rid, facts)
    for rid, missing in rows.missing.items():
        bodies = fetch(store, rid, [each.field for each in missing])
        for each, body in zip(missing, bodies, strict=True):
            if body and each.code:
                rows.body(rid, each.index, each.code, body)
            elif body and rows.is_call(rid, each.index, body):
                rows.arguments(rid, each.index, body)
    rows.missing.clear()


def stored(store: Store, database: Database, signer: Signer, codec: Codec) -> Iterator[Rows]:
    """All that is stored now, some rows at a time: what was missed is in there."""
    for rids in all_records(store):
        for rid, facts in describe(store, rids):
            count = len(facts.states) if facts is not None else 0
            for start in range(0, count, PAGE):
                rows = Rows(signer, codec)
                if facts is not None:
                    _read(rows, store, rid, facts, range(start, min(count, start + PAGE)))
                complete(rows, store, database)
                yield rows


def _read(rows: Rows, store: Store, rid: str, facts: RecordFacts, members: range) -> None:
    rows.describe(rid, facts)
    told = {**rows.sent(rid, facts), "missing_ms": 0}
    fields = [f"{letter}{index}" for index in members for letter in "wk"]
    found = [value.decode("utf-8", "replace") for value in fetch(store, rid, fields)]
    for index, place, retries in zip(members, found[::2], found[1::2], strict=True):
        code = facts.states[index]
        worker, _, began = place.partition(" ")
        row: Row = {
            "id": member_id(rid, index, facts.members),
            "state": str(STATES.get(code, "")),
            "worker": worker or None,
            "started_ms": int(began) if began.isdecimal() else None,
            "retries": int(retries) if retries.isdecimal() else None,
        }
        rows.tell(rid, index, told | row | ({} if is_finished(code) else NO_END))
        rows.miss(rid, Missing(index, code if code in _HAS_BODY else 0))
