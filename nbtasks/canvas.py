"""Signatures combined: one after the other, side by side, and many before one (pure)."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar, Final, Self, TypeVar, cast

from nbtasks.errors import ConfigError
from nbtasks.sender import Sender, current_sender
from nbtasks.signature import Signature, stamped
from nbtasks.stamping import StampingVisitor, Stamps

S = TypeVar("S", bound=Signature)

SHOWN: Final = 3
"""How many tasks the repr of a group lists."""


class Canvas(Signature):
    """Signatures combined to one; arguments and options of its own go to what it is made of."""

    __slots__ = ()
    structure: ClassVar[tuple[str, ...]] = ()
    """What it is made of: its attributes, as in JSON."""

    def __init__(self) -> None:
        super().__init__(f"nbtasks.{self.subtask_type}")

    def __call__(self, *args: Any, **options: Any) -> Any:
        """Send it, with these arguments before its own and these options over its own."""
        return self.apply_async(args, **options)

    @property
    def type(self) -> Any:
        """It has no task of its own; what takes a call is this."""
        return self.apply_async

    @property
    def sender(self) -> Sender:
        """The app it is sent by: that of its first task."""
        first = next(_tasks_in(self), None)
        return current_sender() if first is None else first.sender

    @property
    def is_bare(self) -> bool:
        """Whether it says no more than what it is made of, so that another one may take that."""
        return not (self.options or self.args or self.kwargs)

    def parts(self) -> "Iterable[Signature]":
        """What it is made of, in order."""
        return ()

    def to_dict(self) -> dict[str, Any]:
        """As plain values, for JSON; `from_dict` reads them again."""
        inside: dict[str, Any] = {}
        for name in self.structure:
            inside[name] = _plain(getattr(self, name))
        return {**super().to_dict(), "kwargs": {**self.kwargs, **inside}}

    @classmethod
    def read(cls, fields: Mapping[str, Any], app: Sender) -> Signature:
        """One of this kind from plain values."""
        kwargs = dict(fields["kwargs"])
        made = cls._assemble(*(_read_part(kwargs.pop(name), app) for name in cls.structure))
        made.args, made.kwargs = tuple(fields.get("args") or ()), kwargs
        return made

    @classmethod
    def _assemble(cls, *parts: Any) -> Self:
        return cls(*parts)

    def _state(self) -> tuple[Any, ...]:
        return *super()._state(), *self.parts()


class chain(Canvas):  # noqa: N801 - Celery's name for it
    """Tasks one after the other: each gets the value of the one before as its first argument.

    Its result is that of the last one. `chain()` has nothing to run: sending it returns None.

    Args:
        *tasks: Signatures, or one iterable of them. The steps of chains among them become steps.

    Raises:
        ConfigError: Something else than a signature is among them.
    """

    __slots__ = ("tasks",)
    subtask_type = "chain"
    structure = ("tasks",)
    tasks: tuple[Signature, ...]

    def __init__(self, *tasks: Signature | Iterable[Signature]) -> None:
        super().__init__()
        steps: list[Signature] = []
        for each in _signatures(tasks, "chain"):
            steps += each.tasks if isinstance(each, chain) and each.is_bare else (each,)
        self.tasks = tuple(steps)

    def __len__(self) -> int:
        return len(self.tasks)

    def parts(self) -> Iterable[Signature]:
        """Its steps."""
        return self.tasks

    def reprcall(self, *args: Any, **kwargs: Any) -> str:
        """The steps as text, with these arguments before those of the first."""
        shown = [each.reprcall() for each in self.tasks]
        if shown:
            shown[0] = self.tasks[0].reprcall(*args, *self.args, **{**self.kwargs, **kwargs})
        return " | ".join(shown) or "chain()"

    def set_immutable(self, immutable: bool) -> None:  # noqa: FBT001 - as in Celery
        """Say whether its first step takes no more arguments."""
        first = [_with_immutable(each, immutable) for each in self.tasks[:1]]
        self.tasks = (*first, *self.tasks[1:])

    def unchain_tasks(self) -> list[Signature]:
        """Copies of its steps, each of which may be sent alone."""
        return [each.clone() for each in self.tasks]

    def _copy(self) -> Self:
        copy = super()._copy()
        copy.tasks = tuple(each.clone() for each in self.tasks)
        return copy

    def stamp_all(self, visitor: StampingVisitor, headers: Stamps) -> None:
        """Put headers on all that is in it and linked to it."""
        inner = {**headers, **visitor.on_chain_start(self, **headers)}
        self.tasks = tuple(stamped(each, visitor, inner) for each in self.tasks)
        visitor.on_chain_end(self, **headers)
        self.stamp_links(visitor, headers)


class group(Canvas):  # noqa: N801 - Celery's name for it, and it reads as a verb
    """Tasks that run side by side: `group(fit.s(c) for c in cs)()` returns a `GroupResult`.

    Args:
        *tasks: Signatures, or one iterable of them. The members of groups among them become
            members. What an iterator gives is asked for when it is needed first.

    Raises:
        ConfigError: Something else than a signature is among them.
    """

    __slots__ = ("_left", "_tasks")
    subtask_type = "group"
    structure = ("tasks",)

    def __init__(self, *tasks: Signature | Iterable[Signature]) -> None:
        super().__init__()
        self._tasks: tuple[Signature, ...] = ()
        self._left: Iterator[Signature] | None = _members(tasks)
        if not (len(tasks) == 1 and isinstance(tasks[0], Iterator)):
            self._take()

    def __len__(self) -> int:
        return len(self.tasks)

    @property
    def tasks(self) -> tuple[Signature, ...]:
        """Its members."""
        self._take()
        return self._tasks

    @property
    def is_known(self) -> bool:
        """Whether its members were asked for already."""
        return self._left is None

    def parts(self) -> Iterable[Signature]:
        """Its members."""
        return self.tasks

    def then(self, other: Signature) -> Signature:
        """A chord."""
        return chord(self, other)

    def reprcall(self, *args: Any, **kwargs: Any) -> str:
        """The first members as text, with these arguments before theirs."""
        if not self.is_known:
            return "group(…)"
        more = {**self.kwargs, **kwargs}
        shown = [each.reprcall(*args, *self.args, **more) for each in self.tasks[:SHOWN]]
        return f"group({', '.join(shown)}{', …' if len(self.tasks) > SHOWN else ''})"

    def set_immutable(self, immutable: bool) -> None:  # noqa: FBT001 - as in Celery
        """Say whether its members take no more arguments."""
        self._tasks = tuple(_with_immutable(each, immutable) for each in self.tasks)

    def skew(self, start: float = 1.0, stop: float | None = None, step: float = 1.0) -> Self:
        """Have members start one after the other, and return itself.

        Args:
            start: Seconds before the first one starts.
            stop: All that would start later start then; None for no such limit.
            step: Seconds from one to the next.
        """
        latest = float("inf") if stop is None else stop
        self._tasks = tuple(
            each.clone(countdown=min(start + at * step, latest))
            for at, each in enumerate(self.tasks)
        )
        return self

    def __getstate__(self) -> object:
        self._take()  # an iterator cannot travel
        return super().__getstate__()

    def _take(self) -> None:
        if self._left is None:
            return
        left, self._left = self._left, None
        self._tasks = tuple(left)

    def _copy(self) -> Self:
        copy = super()._copy()
        copy._tasks = tuple(each.clone() for each in self.tasks)  # noqa: SLF001 - of its own class
        copy._left = None  # noqa: SLF001
        return copy

    def stamp_all(self, visitor: StampingVisitor, headers: Stamps) -> None:
        """Put headers on all that is in it and linked to it."""
        inner = {**headers, **visitor.on_group_start(self, **headers)}
        self._tasks = tuple(stamped(each, visitor, inner) for each in self.tasks)
        visitor.on_group_end(self, **headers)
        self.stamp_links(visitor, headers)


class chord(Canvas):  # noqa: N801 - Celery's name for it
    """A group, its header, and a body that gets the list of its values: `chord(header)(body)`.

    Args:
        header: A group, or an iterable of signatures.
        body: A signature. Without one, it is given when the chord is called.

    Raises:
        ConfigError: One of them is no signature.
    """

    __slots__ = ("body", "header")
    subtask_type = "chord"
    structure = ("header", "body")

    def __init__(
        self, header: Signature | Iterable[Signature], body: Signature | None = None
    ) -> None:
        super().__init__()
        self.header = header if isinstance(header, group) else group(header)
        self.body = None if body is None else _signature(body, "the body of a chord is")

    def __call__(self, body: Signature | None = None, **options: Any) -> Any:
        """Send it, with this body in place of its own."""
        if body is None:
            return self.apply_async(**options)
        whole = self.clone()
        whole.body = _signature(body, "the body of a chord is")
        return whole.apply_async(**options)

    def __len__(self) -> int:
        return len(self.header)

    @property
    def tasks(self) -> tuple[Signature, ...]:
        """The members of its header."""
        return self.header.tasks

    def parts(self) -> Iterator[Signature]:
        """Its header and its body."""
        yield self.header
        if self.body is not None:
            yield self.body

    def then(self, other: Signature) -> Signature:
        """The same chord with a longer body, or a chain where that would not be the same."""
        many = isinstance(other, group) and not (other.is_known and len(other.tasks) == 1)
        headers: list[group] = []
        last: Signature | None = self
        while isinstance(last, chord) and last.is_bare:  # in a loop: there may be many
            headers.append(last.header)
            last = last.body
        if last is None or many or not headers:
            return chain(self, other)
        whole = last.then(other)
        for header in reversed(headers):
            whole = chord(header, whole)
        return whole

    def reprcall(self, *args: Any, **kwargs: Any) -> str:
        """As text, with these arguments before those of the header."""
        header = self.header.reprcall(*args, *self.args, **{**self.kwargs, **kwargs})
        return f"chord({header}, {self.body!r})"

    def set_immutable(self, immutable: bool) -> None:  # noqa: FBT001 - as in Celery
        """Say whether the members of its header take no more arguments."""
        self.header = _with_immutable(self.header, immutable)

    def _copy(self) -> Self:
        copy = super()._copy()
        copy.header = self.header.clone()
        copy.body = None if self.body is None else self.body.clone()
        return copy

    def stamp_all(self, visitor: StampingVisitor, headers: Stamps) -> None:
        """Put headers on all that is in it and linked to it."""
        inner = {**headers, **visitor.on_chord_header_start(self, **headers)}
        self.header = stamped(self.header, visitor, inner)
        visitor.on_chord_header_end(self, **headers)
        if self.body is not None:
            inner = {**headers, **visitor.on_chord_body(self, **headers)}
            self.body = stamped(self.body, visitor, inner)
        self.stamp_links(visitor, headers)


def _tasks_in(canvas: Canvas) -> Iterator[Signature]:
    for part in canvas.parts():
        if isinstance(part, Canvas):
            yield from _tasks_in(part)
        else:
            yield part


def _members(given: Iterable[Signature | Iterable[Signature]]) -> Iterator[Signature]:
    for each in _signatures(given, "group"):
        if isinstance(each, group) and each.is_bare:
            yield from each.tasks
        else:
            yield each


def _signatures(given: Iterable[Any], what: str) -> Iterator[Signature]:
    for item in given:
        is_many = isinstance(item, Iterable) and not isinstance(item, (str, Mapping))
        several = cast("Iterable[Any]", item if is_many else (item,))
        for each in several:
            yield _signature(each, f"a {what} takes")


def _signature(given: Any, what: str) -> Signature:
    if isinstance(given, Signature):
        return given
    fields: Any = given
    if isinstance(given, Mapping) and "task" in fields:
        return Signature.from_dict(fields)
    signatures = "a signature" if what.endswith(" is") else "signatures"
    raise ConfigError(
        f"{what} {signatures} like fit.s(0.1), and got {fields!r} ({type(fields).__name__})"
    )


def _with_immutable(signature: S, immutable: bool) -> S:  # noqa: FBT001 - as in Celery
    copy = signature.clone()
    copy.set_immutable(immutable)
    return copy


def _plain(part: Any) -> Any:
    if isinstance(part, Signature):
        return part.to_dict()
    return None if part is None else [_plain(each) for each in part]


def _read_part(value: Any, app: Sender) -> Any:
    if isinstance(value, Mapping):
        return Signature.from_dict(cast("Mapping[str, Any]", value), app)
    return None if value is None else [Signature.from_dict(each, app) for each in value]
