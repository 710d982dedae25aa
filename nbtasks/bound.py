"""A task where it runs: `self` of its function, with the request of one call."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, Generic, NoReturn, ParamSpec, Self, TypeVar

from nbtasks.context import TaskContext, current_task
from nbtasks.handlers import Handlers
from nbtasks.options import TaskOptions
from nbtasks.reporting import HERE, Reporter

P = ParamSpec("P")
R = TypeVar("R")


class Bound(TaskContext, Handlers, Generic[P, R]):
    """The part of a task that its function sees.

    Attributes:
        function: The function.
        name: Its name.
        options: How it is sent.
    """

    function: Callable[..., R]
    name: str
    options: TaskOptions

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run the function here and now."""
        me = self if self._reporter is not None else self.bound_to(_PLAIN_CALL)
        return (
            self.function(me, *args, **kwargs)
            if self.options.bind
            else self.function(*args, **kwargs)
        )

    def run(self, *args: Any, **kwargs: Any) -> Any:
        """As calling it; what a class of one's own has in place of a function."""
        me = self if self._reporter is not None else self.bound_to(_PLAIN_CALL)
        return me.function(me, *args, **kwargs) if me.options.bind else me.function(*args, **kwargs)

    @property
    def max_retries(self) -> int:
        """How often it may be tried again: of the call that runs, else as its options say."""
        request = self.reporter.request()
        return self.options.retry.max_retries if request.called_directly else request.max_retries

    @property
    def reporter(self) -> Reporter:
        """Whom it tells how it goes on: the worker, where a call of it runs here."""
        if self._reporter is not None:
            return self._reporter
        context = current_task.get()
        with suppress(RuntimeError):  # that one has ended
            if context is not None and context.request.task == self.name:
                return context.reporter
        return HERE

    def bound_to(self, context: TaskContext) -> Self:
        """This task as `self` of one call: all calls share its attributes, but not the request."""
        me = object.__new__(type(self))
        me.__dict__ = self.__dict__
        me._reporter = context.reporter
        return me

    def call(
        self,
        function: Callable[..., Any],
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        *,
        bind: bool,
    ) -> Any:
        """Call a function of this task; `bind`: with this before its arguments."""
        kind: Any = type(self)
        if kind.__call__ is not _CALL and function is self.function:
            me: Any = self
            return me(*args, **kwargs)
        return function(self, *args, **kwargs) if bind else function(*args, **kwargs)

    def replace(self, signature: Any) -> NoReturn:
        """End this task here, and let a canvas go on in its place; calls `on_replace` first.

        Args:
            signature: A signature, chain, group or chord.

        Raises:
            ConfigError: It is none of those, or there is nothing in it to run.
        """
        self.on_replace(signature)
        super().replace(signature)

    def on_replace(self, sig: Any) -> None:
        """It is about to be replaced by this."""


_BOUND: Final[Any] = Bound
_CALL: Final = _BOUND.__call__
_PLAIN_CALL: Final = TaskContext(HERE)
