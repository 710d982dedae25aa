"""Calls -> a record to submit: what can be wrong is found before anything is sent."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, cast

from nbtasks.config import Config
from nbtasks.envelope import USUAL, Envelope, check_headers
from nbtasks.errors import ConfigError, TooBig, Unsendable
from nbtasks.functions import Code
from nbtasks.limiting import LATER, no_names
from nbtasks.live import LiveRecord
from nbtasks.options import TaskOptions, merged
from nbtasks.patience import patience_of
from nbtasks.placing import Place
from nbtasks.plan import Call, Node, Role
from nbtasks.record import IGNORES_ALL, IGNORES_VALUE, Header, Record, check_name, new_id
from nbtasks.routes import Route
from nbtasks.serializers import PYTHON_TAG, Codec
from nbtasks.signing import Signer
from nbtasks.task import Task
from nbtasks.unique import cache_key, key_of

AnyTask = Task[..., Any]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A record that may be submitted.

    `is_named` where its id is the user's own, `redrive` where it is sent again should Redis lose
    it; a submit of it waits up to `replica_ms` for a replica to have it, 0: for none, and tries to
    reach Redis for `patience_ms`, None: as long as the app says.
    """

    record: Record
    code: Code
    is_named: bool
    redrive: bool
    replica_ms: int
    patience_ms: float | None
    labels: Sequence[str] | None
    shows_log: bool

    def live(self, now_ms: int) -> LiveRecord:
        """What the client is to know of it, before it is sent."""
        record = self.record
        live = LiveRecord(record.rid, len(record.bodies), record.name, record.queue, now_ms)
        live.shows_log = self.shows_log
        live.labels = list(self.labels) if self.labels is not None else None
        return live


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """Calls of some code (a function or a notebook cell), and how they are to be sent.

    `task` is the task they are calls of, for wording; a cell has none. `place` says where in a
    canvas the record stands, and what its id is; without one it stands alone. `shows_log` is False
    where this client is not to show what it prints. `takes` is whether the first argument is the
    value of a task before it.
    """

    code: Code
    name: str
    calls: Sequence[Call]
    base: TaskOptions
    call: Mapping[str, Any]
    task: AnyTask | None = None
    labels: Sequence[str] | None = None
    shows_log: bool = True
    place: Place | None = None
    takes: bool = False


def prepare(
    submission: Submission,
    config: Config,
    signer: Signer,
    codec: Codec,
    packages: Mapping[str, str] | None = None,
    *,
    now: datetime,
) -> Prepared:
    """Check, encode and sign.

    Args:
        submission: What is to be sent.
        config: The settings of the app.
        signer: Signs it.
        codec: What values travel as.
        packages: What a task may import, by the names of modules: see `App.sync`.
        now: What time it is for the sender.

    Raises:
        ConfigError: An option has a wrong value.
        Unsendable: An argument cannot be pickled; the message names it.
        TooBig: An argument or the code is above `max_input`.
    """
    code, name, call = submission.code, submission.name, submission.call
    options, delay_ms = _options(submission, config, now)
    place = submission.place or Place(rid=rid_of(call))
    _check_size(f"the code of {name!r}, with what it captures", len(code.blob), config.max_input)
    codec = codec.writing(options.serializer).packing(options.compression or "")
    payloads, python = encode_calls(
        submission.calls, codec, config.max_input, name=name, task=submission.task
    )
    envelope = envelope_of(
        call, options, config, now=now, delay_ms=delay_ms, is_alone=place.edges is None
    )
    header = _make_header(
        submission, place, options, signer,
        python=code.python or python,
        # Counted from the moment it is due: waiting until then does not make it old.
        sent_ms=int(now.timestamp() * 1000) + delay_ms if config.max_age_ms else 0,
        ignores=_ignores(options, place, config),
        packs=codec.packs,
        packages=tuple(map(":".join, sorted(packages.items()))) if packages else (),
        envelope=envelope,
    )  # fmt: skip
    record = replace(
        _empty(options, place, config, name=header.title, delay_ms=delay_ms),
        **_signed(place, header, signer, payloads),
        **_limits(submission, options),
        unique=_claim(submission, place, options, signer, payloads),
    )
    return _prepared(submission, record, options, config)


def _signed(
    place: Place, header: Header, signer: Signer, payloads: Sequence[bytes]
) -> dict[str, Any]:
    """What a record says that is signed."""
    encoded = header.encode()
    seal = signer.arguments(place.rid, encoded).seal
    bodies = [seal(index, payload) for index, payload in enumerate(payloads)]
    return {"header": encoded, "python": header.python, "code": header.code, "bodies": bodies}


def envelope_of(
    call: Mapping[str, Any],
    options: TaskOptions,
    config: Config,
    *,
    now: datetime,
    delay_ms: int,
    is_alone: bool,
) -> Envelope:
    """What a call says of how it is sent; in a canvas nobody knows yet when it will be its turn.

    Raises:
        ConfigError: It is to be shown by what is no name.
    """
    shadow, queue = call.get("shadow"), options.queue or config.default_queue
    if not (shadow or delay_ms or options.expires_ms or options.priority or queue != USUAL.queue):
        return USUAL
    now_ms = int(now.timestamp() * 1000)
    return Envelope(
        eta_ms=now_ms + delay_ms if is_alone and delay_ms else 0,
        expires_ms=now_ms + options.expires_ms if is_alone and options.expires_ms else 0,
        queue=queue,
        priority=options.priority or 0,
        shadow=check_name(shadow, "shadow") if shadow else "",
    )


def _empty(
    options: TaskOptions, place: Place, config: Config, *, name: str, delay_ms: int
) -> Record:
    """A record as its options say it, with nothing in it yet."""
    return Record(
        rid=place.rid,
        header=b"",
        python="",
        code="",
        name=name,
        queue=options.queue or config.default_queue,
        bodies=(),
        priority=options.priority or 0,
        delay_ms=delay_ms,
        expires_ms=options.expires_ms,
        keep_ms=max(config.result_expires_ms, options.cache_ms),
        max_deliveries=options.max_deliveries if options.acks_late else 1,
        max_queued=config.max_queued,
        edges=place.edges,
    )


def _limits(submission: Submission, options: TaskOptions) -> dict[str, Any]:
    """What a record says of the limits of these calls."""
    task, taken = submission.task, (LATER,) if submission.takes else ()
    named = task.named_arguments if task is not None else no_names
    calls = (((*taken, *args), kwargs) for args, kwargs in submission.calls)
    limit, keys = options.limits.stored(submission.name, calls, named)
    return {"limit": limit, "keys": keys}


def _prepared(
    submission: Submission, record: Record, options: TaskOptions, config: Config
) -> Prepared:
    redrive = config.redrive if options.redrive is None else options.redrive
    redrive = redrive and options.acks_late is True  # at most once: Redis may have lost that it ran
    durable = config.durable if options.durable is None else options.durable
    replica_ms = config.replica_patience_ms if durable else 0
    is_named = bool(submission.call.get("task_id"))
    return Prepared(
        record, submission.code, is_named, redrive, replica_ms, patience_of(submission.call),
        submission.labels, submission.shows_log,
    )  # fmt: skip


def _options(submission: Submission, config: Config, now: datetime) -> tuple[TaskOptions, int]:
    """What holds for these calls, and their delay in ms."""
    base, call, name = submission.base, submission.call, submission.name
    route = _route(submission, config)
    options, delay_ms = merged(base, call, config, name=name, now=now, route=route)
    config.routes.check(options.queue or config.default_queue)
    return options, delay_ms


def _route(submission: Submission, config: Config) -> Route | None:
    """Where the settings send these calls; those of one record have all the same route."""
    base, (args, kwargs) = submission.base, submission.calls[0]
    said: dict[str, Any] = {"queue": base.queue} if base.queue else {}
    if base.priority is not None:
        said["priority"] = base.priority
    options = {**said, **submission.call}
    return config.routes.find(submission.name, args, kwargs, options, submission.task)


def _ignores(options: TaskOptions, place: Place, config: Config) -> str:
    """What is not to be kept of how it ends: nothing, where others of its canvas wait for it."""
    ignores = options.ignore_result
    if not (config.task_ignore_result if ignores is None else ignores):
        return ""
    if place.edges is not None and place.edges.out:
        return ""
    errors = options.store_errors_even_if_ignored
    keeps_errors = config.task_store_errors_even_if_ignored if errors is None else errors
    return IGNORES_VALUE if keeps_errors else IGNORES_ALL


def _claim(
    submission: Submission,
    place: Place,
    options: TaskOptions,
    signer: Signer,
    payloads: Sequence[bytes],
) -> str:
    """The key that only one such call has at a time, as the store takes it; nothing for any."""
    unique, task, name = options.unique, submission.task, submission.name
    is_alone = place.edges is None and len(submission.calls) == 1
    # What is cached may run more often. A cell can be neither.
    if unique is False or task is None or (unique is None and not (options.cache_ms and is_alone)):
        return ""
    if not is_alone:
        raise ConfigError(
            f"task {name!r} is unique, and can only be sent alone: in a group, a canvas or a"
            " schedule give it unique=False"
        )
    args, kwargs = submission.calls[0]
    named, call = task.named_arguments(args, kwargs), (tuple(args), kwargs)
    if unique is None:
        key = cache_key(submission.code.hash, name, call, named, payloads[0])
    else:
        key = key_of(unique, name, call, named)
    digest = signer.unique_key(key)
    # With an s it stands for the others only once it has succeeded.
    return (
        f"{digest} {options.cache_ms} s"
        if options.cache_ms
        else f"{digest} {options.unique_for_ms}"
    )


def rid_of(call: Mapping[str, Any]) -> str:
    """The id of what stands alone: one of the user's own, or a new one."""
    return check_name(call["task_id"], "task_id") if call.get("task_id") else new_id()


def _make_header(
    submission: Submission, place: Place, options: TaskOptions, signer: Signer, **more: Any
) -> Header:
    code, task = submission.code, submission.task
    return Header(
        task=submission.name,
        code=signer.code_name(code.hash),
        fresh=code.fresh,
        key_id=signer.key_id,
        limit_ms=options.limit_ms,
        soft_ms=options.soft_ms,
        is_async=task is not None and task.is_async,
        once=not options.acks_late,
        retry=options.retry,
        inputs=place.inputs,
        root_id=place.root_id,
        parent_id=place.parent_id,
        group_id=place.group_id,
        stamps=place.stamps,
        headers=check_headers(submission.call.get("headers")),
        **more,
    )


def takes_value(node: Node) -> bool:
    """Whether the value of the task before it is its first argument."""
    return node.takes and (node.after is not None or node.each is not None)


def task_of(node: Node) -> AnyTask:
    """The task of a node, whose function takes what it is called with there.

    Raises:
        ConfigError: It is not a task.
        TypeError: The function does not take these arguments.
    """
    found: Any = node.task
    if not isinstance(found, Task):
        raise ConfigError(f"{found!r} is not a task")
    task = cast("AnyTask", found)
    taken = (None,) if takes_value(node) else ()
    for args, kwargs in node.calls if node.role is not Role.ERRBACK else ():
        try:
            task.check_arguments((*taken, *args), kwargs)
            if not node.puts:  # in their places there is nothing yet
                task.check_models((*taken, *args), kwargs)
        except TypeError as error:
            if not taken:
                raise
            hint = "its first argument is the value of the task before it (with si() it takes none)"
            raise TypeError(f"{error}; {hint}") from None
    return task


def encode_calls(
    calls: Iterable[Call], codec: Codec, limit: int, *, name: str, task: AnyTask | None
) -> tuple[list[bytes], str]:
    """The payload of each call, and the Python they need, if they need one.

    Args:
        calls: The calls.
        codec: What arguments travel as.
        limit: The largest payload, in bytes.
        name: What is called.
        task: The task it is, for wording; a cell has none.

    Raises:
        Unsendable: An argument cannot be encoded; the message names it.
        TooBig: An argument, or all of one call together, is above the limit.
    """
    payloads: list[bytes] = []
    python = ""
    what = f"the arguments of {name!r}"
    for args, kwargs in calls:
        try:
            payload, is_portable = codec.encode((tuple(args), dict(kwargs)), what)
        except Unsendable as error:
            raise _name_culprit(error, name, codec, _named(task, args, kwargs)) from error
        if not is_portable:
            python = PYTHON_TAG
        if len(payload) > limit:
            for argument, value in _named(task, args, kwargs).items():
                size = len(codec.encode(value, argument)[0])
                _check_size(f"argument {argument!r} of {name!r}", size, limit)
            _check_size(what, len(payload), limit)
        payloads.append(codec.pack(payload))
    return payloads, python


def _check_size(what: str, size: int, limit: int) -> None:
    if size > limit:
        raise TooBig(what, size, limit, "max_input")


def _name_culprit(
    error: Unsendable, name: str, codec: Codec, arguments: Mapping[str, Any]
) -> Unsendable:
    found = codec.culprit(arguments)
    if found is None:
        return error
    argument, kind, reason = found
    what = f"argument {argument!r} of {name!r}"
    return Unsendable(what, kind, reason, error.args[3] or "create it inside the task")


def _named(task: AnyTask | None, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    count = len(args)
    names = task.parameter_names(count) if task is not None else [str(at) for at in range(count)]
    return {**dict(zip(names, args, strict=True)), **kwargs}
