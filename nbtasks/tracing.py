"""Traces: a span for what is sent and one for each try of a task, in one trace with what sent it.

Needs the extra `opentelemetry`. Where the spans go is for the program to say, with OpenTelemetry's
own SDK: only its API is used here. The context travels in the headers of a task, as `traceparent`
or whatever propagator is set.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from contextvars import Token
from typing import Any, Final, TypeVar

try:
    from opentelemetry import context, propagate, trace
    from opentelemetry.context import Context
    from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer, TracerProvider
except ImportError as missing:
    raise ImportError(
        f'traces need a library ({missing}): pip install "nbtasks[opentelemetry]"'
    ) from missing

from nbtasks import __version__, signals
from nbtasks.signals import Signal
from nbtasks.states import TaskState

T = TypeVar("T")

MOST_KEPT: Final = 10_000
"""Spans of what is being sent: the oldest is ended where it was never heard of again."""

_FLUSH_MS: Final = 5000


class _Recent(OrderedDict[str, T]):
    """The newest few, by their names."""

    def keep(self, name: str, value: T) -> T | None:
        """Add one; what is let go for it."""
        self[name] = value
        return self.popitem(last=False)[1] if len(self) > MOST_KEPT else None


class Tracing:
    """What is connected to the signals; `instrument` makes one."""

    def __init__(self, provider: TracerProvider | None) -> None:
        self._provider = provider
        self._tracer: Tracer = trace.get_tracer("nbtasks", __version__, provider)
        self._lock = threading.Lock()
        self._sending: _Recent[Span] = _Recent()
        self._canvases: _Recent[Context] = _Recent()
        self._running: dict[str, tuple[Span, Token[Context]]] = {}
        self._receivers: Mapping[Signal, Callable[..., None]] = {
            signals.before_task_publish: self._before_sending,
            signals.after_task_publish: self._after_sending,
            signals.task_prerun: self._before_run,
            signals.task_retry: self._on_retry,
            signals.task_failure: self._on_failure,
            signals.task_postrun: self._after_run,
            signals.worker_process_shutdown: self._flush,
        }

    def connect(self) -> None:
        """Trace from now on."""
        for signal, receiver in self._receivers.items():
            signal.connect(receiver, weak=False, dispatch_uid=(__name__, signal.name))

    def disconnect(self) -> None:
        """Trace no more."""
        for signal in self._receivers:
            signal.disconnect(dispatch_uid=(__name__, signal.name))

    # Sending

    def _before_sending(
        self, sender: str, headers: dict[str, Any], ids: list[str], routing_key: str, **_: Any
    ) -> None:
        first, root = str(headers["id"]), str(headers["root_id"])
        span = self._tracer.start_span(
            f"send {sender}",
            self._canvas_of(root),
            SpanKind.PRODUCER,
            _attributes("send", sender, first, root, routing_key),
        )
        if len(ids) > 1:
            span.set_attribute("messaging.batch.message_count", len(ids))
        here = trace.set_span_in_context(span)
        propagate.inject(headers, here)
        with self._lock:
            lost = self._sending.keep(first, span)
            if root not in self._canvases:
                self._canvases.keep(root, here)
        if lost is not None:
            _end_unsent(lost)

    def _after_sending(self, headers: Mapping[str, Any], routing_key: str, **_: Any) -> None:
        with self._lock:
            span = self._sending.pop(str(headers["id"]), None)
        if span is not None:
            span.set_attribute("messaging.destination.name", routing_key)
            span.end()

    def _canvas_of(self, root: str) -> Context | None:
        """The context of what is sent: that of who sends it, or of the rest of its canvas."""
        if trace.get_current_span().get_span_context().is_valid:
            return None
        with self._lock:
            return self._canvases.get(root)

    # Running

    def _before_run(self, task: Any, task_id: str, **_: Any) -> None:
        request = task.request
        queue = request.delivery_info.get("routing_key", "")
        attributes = _attributes("process", task.name, task_id, request.root_id or task_id, queue)
        attributes["nbtasks.retries"] = request.retries
        if request.hostname:
            attributes["nbtasks.worker"] = request.hostname
        if request.parent_id:
            attributes["nbtasks.parent_id"] = request.parent_id
        span = self._tracer.start_span(
            f"run {task.name}",
            propagate.extract(request.headers, context.get_current()),
            SpanKind.CONSUMER,
            attributes,
        )
        token = context.attach(trace.set_span_in_context(span))
        self._running[task_id] = span, token

    def _on_retry(self, request: Any, reason: BaseException, **_: Any) -> None:
        if found := self._running.get(request.id):
            found[0].record_exception(reason)

    def _on_failure(self, task_id: str, exception: BaseException, **_: Any) -> None:
        if found := self._running.get(task_id):
            found[0].record_exception(exception)
            words = f"{type(exception).__name__}: {exception}"
            found[0].set_status(Status(StatusCode.ERROR, words))

    def _after_run(self, task_id: str, state: TaskState | str, **_: Any) -> None:
        found = self._running.pop(task_id, None)
        if found is not None:
            span, token = found
            span.set_attribute("nbtasks.state", str(state))
            span.end()
            context.detach(token)

    def _flush(self, **_: Any) -> None:
        """A process of a worker ends at once: what waits to be exported would go with it."""
        provider: Any = self._provider or trace.get_tracer_provider()
        flush = getattr(provider, "force_flush", None)
        if flush is not None:
            flush(_FLUSH_MS)


_installed: Tracing | None = None


def instrument(tracer_provider: TracerProvider | None = None) -> None:
    """Trace all tasks that this process sends or runs, from now on; a second call starts anew.

    Args:
        tracer_provider: Where the spans go; by default the one that `opentelemetry.trace` has,
            which may also be set later.
    """
    global _installed  # noqa: PLW0603 - signals are of the process, too
    uninstrument()
    _installed = Tracing(tracer_provider)
    _installed.connect()


def uninstrument() -> None:
    """Trace no more."""
    global _installed  # noqa: PLW0603 - signals are of the process, too
    if _installed is not None:
        _installed.disconnect()
        _installed = None


def _attributes(
    operation: str, task: str, task_id: str, root_id: str, queue: str
) -> dict[str, str | int]:
    """Of OpenTelemetry's semantic conventions for messages, and our own."""
    found: dict[str, str | int] = {
        "messaging.system": "nbtasks",
        "messaging.operation.name": operation,
        "messaging.operation.type": operation,
        "messaging.message.id": task_id,
        "nbtasks.task": task,
        "nbtasks.root_id": root_id,
    }
    if queue:
        found["messaging.destination.name"] = queue
    return found


def _end_unsent(span: Span) -> None:
    span.set_status(Status(StatusCode.ERROR, "it was not sent"))
    span.end()
