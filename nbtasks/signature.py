"""A task and its arguments, not yet sent: a value that may be kept, copied and combined (pure)."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self, TypeVar

from nbtasks.advice import no_option
from nbtasks.errors import ConfigError
from nbtasks.frozen import Frozen, FrozenId, mark_sent
from nbtasks.patience import patience_of
from nbtasks.record import check_name, new_id
from nbtasks.sender import Sendable, Sender, current_sender, find_task
from nbtasks.stamping import StampingVisitor, Stamps

if TYPE_CHECKING:
    from nbtasks.plan import Plan

S = TypeVar("S", bound="Signature")

OPTIONS: Final = (
    "countdown", "eta", "expires", "queue", "priority", "task_id",
    "retries", "retry_delay", "backoff", "retry_on", "max_deliveries", "acks_late",
    "time_limit", "soft_time_limit", "rate_limit", "rate_key", "concurrency",
    "redrive", "durable", "serializer", "compression",
    "reject_on_worker_lost", "ignore_result", "store_errors_even_if_ignored",
    "link", "link_error", "on_upstream", "stamps", "headers", "shadow",
    "unique", "unique_for", "cache", "retry", "retry_policy",
)  # fmt: skip
"""What `apply_async` and `%%task` take; one vocabulary everywhere."""

_LINKS: Final = ("link", "link_error")
_TIMES: Final = ("eta", "expires")


class Signature:  # noqa: PLW1641 - as a list, it has no hash: it can be changed
    """A call to be made: `fit.s(0.1)` is `fit` with its arguments and options.

    Args:
        task: The task, or the name of one.
        args: Positional arguments.
        kwargs: Keyword arguments.
        options: As `apply_async` takes them.
        immutable: Whether it takes no more arguments: neither those of a call nor the value of
            what is before it in a canvas.

    Raises:
        ConfigError: There is no such option; the message names the nearest one.
    """

    __slots__ = ("args", "immutable", "kwargs", "options", "task")

    subtask_type: ClassVar[str | None] = None
    kinds: ClassVar[dict[str, Any]] = {}
    """The shapes that canvas.py adds, by their names: neither file can do without the other."""

    task: Any
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    options: dict[str, Any]
    immutable: bool

    def __init__(
        self,
        task: Sendable | str,
        args: Iterable[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        options: Mapping[str, Any] | None = None,
        *,
        immutable: bool = False,
    ) -> None:
        self.task = task
        self.args = tuple(args)
        self.kwargs = kwargs if kwargs is not None else {}
        self.options = dict(check_options(options)) if options else {}
        self.immutable = immutable

    def __init_subclass__(cls) -> None:
        if cls.subtask_type is not None:
            cls.kinds[cls.subtask_type] = cls

    def __repr__(self) -> str:
        return self.reprcall()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Signature) or type(self) is not type(other):
            return NotImplemented
        return self._state() == other._state()

    def __or__(self, other: object) -> "Signature":
        """This, and then the other; neither is changed."""
        if not isinstance(other, Signature):
            return NotImplemented
        return self.then(other)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the task here and now, with these arguments before its own."""
        whole = self.clone(args, kwargs)
        return whole.type(*whole.args, **whole.kwargs)

    def __getitem__(self, name: str) -> Any:
        return self.to_dict()[name]

    def keys(self) -> Iterator[str]:
        """What `dict(signature)` has."""
        return iter(("task", "args", "kwargs", "options", "subtask_type", "immutable"))

    @property
    def name(self) -> str:
        """The name of its task."""
        return self.task if isinstance(self.task, str) else self.task.name

    @property
    def id(self) -> str | None:
        """The id it was given; None without one."""
        return self.options.get("task_id")

    @property
    def type(self) -> Any:
        """Its task.

        Raises:
            ConfigError: It has only a name, and the app has no task of that name.
        """
        return find_task(self.task) if isinstance(self.task, str) else self.task

    @property
    def sender(self) -> Sender:
        """The app it is sent by."""
        return current_sender() if isinstance(self.task, str) else self.task.sender

    def then(self, other: "Signature") -> "Signature":
        """As `|`."""
        whole: Signature = self.kinds["chain"](self, other)
        return whole

    # Changes

    def set(self, *, immutable: bool | None = None, **options: Any) -> Self:
        """Add options, and return itself.

        Raises:
            ConfigError: There is no such option; the message names the nearest one.
        """
        self.options.update(check_options(options))
        if immutable is not None:
            self.set_immutable(immutable)
        return self

    def set_immutable(self, immutable: bool) -> None:  # noqa: FBT001 - as in Celery
        """Say whether it takes no more arguments."""
        self.immutable = immutable

    def clone(
        self, args: Iterable[Any] = (), kwargs: Mapping[str, Any] | None = None, **options: Any
    ) -> Self:
        """A copy with arguments put before its own, and keywords and options added.

        An immutable one takes the options only.
        """
        copy = self._copy()
        if not self.immutable:
            copy.args = (*args, *self.args)
            copy.kwargs = {**self.kwargs, **kwargs} if kwargs else dict(self.kwargs)
        return copy.set(**options)

    def link(self, callback: "Signature") -> "Signature":
        """Have this run, with the value, once it has succeeded; returns the callback."""
        self._add_link("link", callback)
        return callback

    def link_error(self, errback: "Signature") -> "Signature":
        """Have this run once it has failed; returns the errback.

        It is called as `errback(request, exc, traceback)`, or as `errback(task_id)` where it has
        room for one argument only.
        """
        self._add_link("link_error", errback)
        return errback

    def on_error(self, errback: "Signature") -> Self:
        """As `link_error`, and return itself."""
        self.link_error(errback)
        return self

    def flatten_links(self) -> "list[Signature]":
        """This, its callbacks, and theirs."""
        found: list[Signature] = []
        left: list[Signature] = [self]
        while left:
            each = left.pop(0)
            found.append(each)
            known = {id(other) for other in (*found, *left)}
            left += [more for more in links_of(each.options, "link") if id(more) not in known]
        return found

    def freeze(self, task_id: str | None = None) -> Frozen:
        """Give it an id before it is sent; returns what will be its result.

        Args:
            task_id: The id; by default the one it has, or a new one for the next run.
        """
        known = self.id
        if known is None or (isinstance(known, FrozenId) and known.is_sent):
            known = FrozenId(new_id())
        name = check_name(task_id, "task_id") if task_id else known
        self.options["task_id"] = name
        return Frozen(name, self)

    def stamp(self, visitor: StampingVisitor | None = None, **headers: Any) -> Self:
        """Put headers on it and on all that is linked to it, and return itself.

        Args:
            visitor: Says which headers each signature gets; by default all get `headers`.
            **headers: Values of JSON. They survive retries and replacing; see
                `App.revoke_by_stamped_headers`.
        """
        self.stamp_all(visitor or StampingVisitor(), headers)
        return self

    # Sending

    def delay(self, *args: Any, **kwargs: Any) -> Any:
        """Send it, with these arguments before its own."""
        return self.apply_async(args, kwargs)

    def apply_async(
        self, args: Iterable[Any] = (), kwargs: Mapping[str, Any] | None = None, **options: Any
    ) -> Any:
        """Send it, with these arguments before its own and these options over its own."""
        sender = self.sender
        plan = sender.compile(self, args, kwargs, check_options(options))
        result = sender.send(plan)
        mark_sent(plan, result)
        return result

    def apply(
        self,
        args: Iterable[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        *,
        throw: bool | None = None,
        **options: Any,
    ) -> Any:
        """Run it in this process, as `Task.apply` does, and return its result."""
        sender = self.sender
        plan = sender.compile(self, args, kwargs, check_options(options))
        result = sender.run_here(plan, throw=throw)
        mark_sent(plan, result)
        return result

    def plan(self) -> "Plan":
        """What would be sent; `print` shows it as a tree."""
        return self.sender.compile(self)

    # Text

    def reprcall(self, *args: Any, **kwargs: Any) -> str:
        """The call as text, with these arguments before its own."""
        parts = [repr(value) for value in (*args, *self.args)]
        parts += [f"{name}={value!r}" for name, value in {**self.kwargs, **kwargs}.items()]
        return f"{self.name}({', '.join(parts)})"

    def to_dict(self) -> dict[str, Any]:
        """As plain values, for JSON; `from_dict` reads them again."""
        return {
            "task": self.name,
            "args": list(self.args),
            "kwargs": dict(self.kwargs),
            "options": _plain_options(self.options),
            "subtask_type": self.subtask_type,
            "immutable": self.immutable,
        }

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any], app: Sender | None = None) -> "Signature":
        """What `to_dict` made: a task, a chain, a group, a chord.

        Args:
            fields: The plain values.
            app: Where its tasks are looked up; by default the current app.

        Raises:
            ConfigError: The app has no such task, or these are no such values.
        """
        kind = fields.get("subtask_type")
        home = Signature if kind is None else cls.kinds.get(kind)
        if home is None or not isinstance(fields.get("task"), str):
            raise ConfigError(
                f"no signature can be made of {dict(fields)!r}: use what to_dict made"
            )
        made = home.read(fields, app or current_sender())
        made.options.update(_read_options(fields.get("options") or {}, app))
        made.immutable = bool(fields.get("immutable"))
        return made

    # Inside

    @classmethod
    def read(cls, fields: Mapping[str, Any], app: Sender) -> "Signature":
        """One of this kind from plain values."""
        return cls(find_task(fields["task"], app), fields.get("args") or (), fields.get("kwargs"))

    def _state(self) -> tuple[Any, ...]:
        return self.name, self.args, dict(self.kwargs), self.options, self.immutable

    def _copy(self) -> Self:
        copy = object.__new__(type(self))
        copy.task, copy.args, copy.kwargs = self.task, self.args, self.kwargs
        copy.options, copy.immutable = dict(self.options), self.immutable
        for name in _LINKS:
            if name in copy.options:
                copy.options[name] = links_of(copy.options, name)
        return copy

    def stamp_all(self, visitor: StampingVisitor, headers: Stamps) -> None:
        """Put headers on it and all that is linked to it."""
        found = {**headers, **visitor.on_signature(self, **headers)}
        self.options["stamps"] = {**self.options.get("stamps", {}), **found}
        self.stamp_links(visitor, headers)

    def stamp_links(self, visitor: StampingVisitor, headers: Stamps) -> None:
        """Put headers on all that is linked to it."""
        for name, visit in (("link", visitor.on_callback), ("link_error", visitor.on_errback)):
            if name in self.options:
                self.options[name] = [
                    stamped(each, visitor, {**headers, **visit(each, **headers)})
                    for each in links_of(self.options, name)
                ]

    def _add_link(self, name: str, other: Any) -> None:
        if not isinstance(other, Signature):
            raise ConfigError(f"{name} takes a signature like fit.s(), and got {other!r}")
        known = links_of(self.options, name)
        if not any(each is other or each == other for each in known):
            self.options[name] = [*known, other]


def stamped(signature: S, visitor: StampingVisitor, headers: Stamps) -> S:
    """A copy with headers on it: what is part of several canvases is stamped in one of them."""
    copy = signature.clone()
    copy.stamp_all(visitor, headers)
    return copy


def links_of(options: Mapping[str, Any], name: str) -> list[Signature]:
    """The callbacks (`link`) or errbacks (`link_error`) among options, which may be one alone."""
    found: Any = options.get(name) or []
    is_many = isinstance(found, (list, tuple))
    return [*found] if is_many else [found]


def check_options(options: Mapping[str, Any]) -> Mapping[str, Any]:
    """The options, if each is known.

    Raises:
        ConfigError: One is not; the message says what is near, or what to say instead.
    """
    for name in options:
        if name not in OPTIONS:
            raise ConfigError(f"there is no task option {name!r}{no_option(name, OPTIONS)}")
    patience_of(options)
    for name in _LINKS:
        for each in links_of(options, name) if name in options else ():
            if not isinstance(each, Signature):  # pyright: ignore[reportUnnecessaryIsInstance] # a user's
                raise ConfigError(f"{name} takes a signature like fit.s(), and got {each!r}")
    return options


def _plain_options(options: Mapping[str, Any]) -> dict[str, Any]:
    found = dict(options)
    for name in _LINKS:
        if name in found:
            found[name] = [each.to_dict() for each in links_of(found, name)]
    for name in _TIMES:
        if isinstance(found.get(name), datetime):
            found[name] = found[name].isoformat()
    return found


def _read_options(options: Mapping[str, Any], app: Sender | None) -> Mapping[str, Any]:
    found = dict(options)
    for name in _LINKS:
        if name in found:
            found[name] = [Signature.from_dict(each, app) for each in found[name]]
    for name in _TIMES:
        if isinstance(found.get(name), str):
            found[name] = datetime.fromisoformat(found[name])
    return check_options(found)
