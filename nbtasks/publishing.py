"""Who is told that tasks are sent: the signals around it, and the headers that receivers add."""

import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Final

from nbtasks.live import LiveRecord
from nbtasks.placing import Place
from nbtasks.record import member_id
from nbtasks.sending import Prepared, Submission, rid_of
from nbtasks.signals import after_task_publish, before_task_publish

OURS: Final = frozenset((
    "lang", "task", "id", "root_id", "parent_id", "group", "retries", "origin", "stamps",
    "stamped_headers",
))  # fmt: skip
"""Headers that receivers may read; what they put there is let go."""


@dataclass(frozen=True, slots=True)
class Announced:
    """What is about to be sent, and as what receivers have seen it."""

    submission: Submission
    headers: Mapping[str, Any]


def announce(submission: Submission) -> Announced:
    """Tell that something is about to be sent; with the headers that a receiver has added.

    What is sent as one record is told of once: all of it has the same headers.
    """
    if not (before_task_publish.receivers or after_task_publish.receivers):
        return Announced(submission, {})
    place = submission.place or Place(rid=rid_of(submission.call))
    submission = replace(submission, place=place)
    headers = _headers(submission, place)
    if before_task_publish.receivers:
        queue = str(submission.call.get("queue") or submission.base.queue or "")
        named = _told(submission, headers, queue)
        before_task_publish.send(submission.name, **named, declare=[], retry_policy=None)
    added = {name: value for name, value in headers.items() if name not in OURS}
    call = {**submission.call, "headers": added} if added else submission.call
    return Announced(replace(submission, call=call), headers)


def tell_sent(
    announced: Sequence[Announced], prepared: Sequence[Prepared], lives: Sequence[LiveRecord]
) -> None:
    """Tell of each that it was sent, but where a call that is the same stands for it."""
    if not after_task_publish.receivers:
        return
    for each, sent, live in zip(announced, prepared, lives, strict=True):
        if live.rid == sent.record.rid:
            named = _told(each.submission, each.headers, sent.record.queue)
            after_task_publish.send(each.submission.name, **named)


def _headers(submission: Submission, place: Place) -> dict[str, Any]:
    first = member_id(place.rid, 0, len(submission.calls))
    return {
        **(submission.call.get("headers") or {}),
        "lang": "py",
        "task": submission.name,
        "id": first,
        "root_id": place.root_id or first,
        "parent_id": place.parent_id or None,
        "group": place.group_id or None,
        "retries": 0,
        "origin": _origin(os.getpid()),
        "stamps": dict(place.stamps),
        "stamped_headers": list(place.stamps),
    }


def _told(submission: Submission, headers: Mapping[str, Any], queue: str) -> dict[str, Any]:
    rid = "" if submission.place is None else submission.place.rid
    count = len(submission.calls)
    args, kwargs = submission.calls[0]
    return {
        "headers": headers,
        "body": (tuple(args), dict(kwargs), {}),
        "ids": [member_id(rid, index, count) for index in range(count)],
        "exchange": "",
        "routing_key": queue,
        "properties": {
            "correlation_id": headers["id"],
            "priority": submission.call.get("priority"),
        },
    }


@cache
def _origin(pid: int) -> str:
    return f"{pid}@{socket.gethostname()}"
