"""What an errback is called with: which task failed, and of what."""

import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from nbtasks.callee import Callee
from nbtasks.errors import BadSignature, NbTasksError
from nbtasks.failure import read_failure
from nbtasks.inputs import Inputs
from nbtasks.record import Header
from nbtasks.request import Request
from nbtasks.serializers import Codec
from nbtasks.worker.upstream import Member, Part, Upstream, is_of, split_name
from nbtasks.worker.work import ChildSettings, Work


class Errback:
    """Reads the failure that was delivered to members of an errback."""

    def __init__(self, work: Work, settings: ChildSettings, upstream: Upstream, whose: str) -> None:
        self._work = work
        self._settings = settings
        self._upstream = upstream
        self._whose = whose

    def arguments(
        self, inputs: Inputs, index: int, callee: Callee, codec: Codec
    ) -> tuple[Any, ...]:
        """The positional arguments: `(request, exc, traceback, *args)` or `(task_id, *args)`.

        Raises:
            BadSignature: What was delivered is no failure of what it watches.
            UnknownTask: The error is no longer stored.
        """
        if len(self._work.inputs) != 1:
            raise BadSignature(self._whose)
        name, state, body, *more = self._work.inputs[0]
        member = self._member(name)
        if not any(is_of(source, member.rid, member.at, index) for source in inputs.sources):
            raise BadSignature(self._whose)
        if not callee.takes_all:
            return (member.task_id, *callee.args)
        part = self._upstream.open(member, state[0] if state else 0, body)
        error = self._upstream.read(part, codec)
        if not isinstance(error, BaseException):
            raise BadSignature(self._whose)
        request = self._request(member, more, codec)
        return request, error, _text(part, error), *callee.args

    def _member(self, name: bytes) -> Member:
        found = split_name(name)
        if found is None:
            raise BadSignature(self._whose)
        return Member(*found)

    def _request(self, member: Member, more: Sequence[bytes], codec: Codec) -> Request:
        """What is known of the task that failed: its header, if its arguments show that it is its.

        What of this cannot be read is left out: an errback is to run all the same.
        """
        task_id = member.task_id
        known = Request(id=task_id, task="", retries=0, hostname="", root_id=task_id)
        if len(more) != 2:  # noqa: PLR2004 - header and arguments
            return known
        data, body = more
        with suppress(NbTasksError):
            header = Header.decode(data)
            seal = self._settings.signer.arguments(member.rid, data, header.key_id)
            payload = seal.open(member.at, body, self._whose)
            args: Sequence[Any] = ()
            kwargs: Mapping[str, Any] = {}
            with suppress(Exception):  # a class of its arguments may be missing here
                args, kwargs = codec.decode(payload, self._whose)
            return Request(
                id=task_id,
                task=header.task,
                retries=0,
                hostname="",
                root_id=header.root_id or task_id,
                parent_id=header.parent_id or None,
                group=header.group_id or None,
                stamps=header.stamps,
                args=args,
                kwargs=kwargs,
            )
        return known


def _text(part: Part, error: BaseException) -> str:
    """The traceback in words, as the worker had it that ran the task."""
    found = part.found
    if isinstance(found, memoryview):
        return read_failure(found).traceback
    return "".join(traceback.format_exception_only(error))
