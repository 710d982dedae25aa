"""The engine of eager runs: one member after the other, and what each of them sends."""

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from nbtasks.asking import refused
from nbtasks.config import Config
from nbtasks.context import Replaced
from nbtasks.eager.calling import EagerReporter, Saved, call, told_of
from nbtasks.eager.parts import Part, Parts
from nbtasks.eager.source import EagerSource, Fall
from nbtasks.eager.upstream import Find, Upstream
from nbtasks.errors import Retry, TooBig
from nbtasks.failure import encode_within
from nbtasks.handlers import Told
from nbtasks.plan import Plan
from nbtasks.replacing import check_canvas, mark, no_chord, value_of
from nbtasks.signature import Signature
from nbtasks.states import RETRY


@dataclass(slots=True)
class Turn:
    """A member that runs.

    Attributes:
        part: Its part.
        index: Which member of it.
        saved: What it keeps for its next try.
        retries: How many tries came before.
        began_ms: When this one began.
        added: How many canvases this try has added to its chord.
        joined: How many canvases all tries have.
        sent: All canvases that it has sent: they run right behind it.
        told: The handlers of this try, where it has begun and has any.
    """

    part: Part
    index: int
    saved: Saved
    retries: int = 0
    began_ms: float = 0.0
    added: int = 0
    joined: int = 0
    sent: list[Plan] = field(default_factory=list[Plan])
    told: Told | None = None

    @property
    def task_id(self) -> str:
        """The member's id."""
        return self.part.record.task_id(self.index)

    def returned(self, value: Any, body: bytes) -> bytes:
        """The body of what it has returned; its handlers are called."""
        if self.told is not None:
            self.told.succeeded(value)
        return body

    def tell(self, error: BaseException, *, is_retried: bool) -> None:
        """Call the handlers of this try, which has failed."""
        if self.told is not None:
            self.told.failed(error, nullcontext(), is_retried=is_retried)


class EagerRun:
    """One canvas, and all that comes up while it runs.

    Args:
        config: The settings of the app.
        source: Where states and values go.
        find: Gives the result of what was sent before.
        compile_: Gives the plan of a canvas that a task sends.
        keeps_errors: Whether the exceptions themselves are kept, so that `raise_first` has them.
    """

    def __init__(
        self,
        config: Config,
        source: EagerSource,
        find: Find,
        compile_: Callable[[Signature], Plan],
        *,
        keeps_errors: bool = False,
    ) -> None:
        self.parts = Parts(config, source)
        self._source = source
        self._upstream = Upstream(source, self.parts, find)
        self._compile = compile_
        self._keeps_errors = keeps_errors
        self._errors: dict[str, BaseException] = {}

    def run(self, plan: Plan, root_id: str = "", parent_id: str = "") -> None:
        """Run all of it; what a task sends runs right behind that task.

        Args:
            plan: What a canvas compiles to.
            root_id: The root of the task that sends it, if one does.
            parent_id: That task.

        Raises:
            ConfigError: An option has a wrong value; nothing has run.
            TypeError: A function does not take its arguments; nothing has run.
            Unsendable: An argument cannot be encoded; nothing has run.
            TooBig: An argument is above `max_input`; nothing has run.
        """
        self.parts.add(plan, root_id, parent_id)
        # A stack of our own: what a task is replaced by may be replaced in its turn, and so on.
        stack = [self._run_plan(plan)]
        while stack:
            inner = next(stack[-1], None)
            if inner is None:
                stack.pop()
            else:
                stack.append(self._run_plan(inner))

    def raise_first(self, plan: Plan) -> None:
        """Raise what a plan has failed of, if it has: the exception itself, if it was kept."""
        fall = self._upstream.first_fall(value_of(plan).all, 0)
        if fall is not None:
            raise self._errors.get(fall.root.task_id) or self._source.error(fall.root)

    def _run_plan(self, plan: Plan) -> Iterator[Plan]:
        for node in plan.nodes:
            part = self.parts[node]
            runs, fall = False, None
            for index in range(part.record.n):
                if index == 0 or node.each is not None:
                    runs, fall = self._upstream.judge(part, index)
                if runs:
                    yield from self._run_member(Turn(part, index, self._saved(part)), fall)
                elif fall is not None:
                    self._source.pass_on(part.record, index, fall, is_chord=node.is_chord)
                else:
                    self._source.ignore(part.record, index)

    def _saved(self, part: Part) -> Saved:
        source, what = self._source, f"the checkpoint of {part.task.name!r}"
        return Saved(partial(source.encode, what=what), partial(source.codec.decode, what=what))

    def _run_member(self, turn: Turn, fall: Fall | None) -> Iterator[Plan]:
        part = turn.part
        while isinstance(end := self._try(turn, fall), Exception):
            if isinstance(end, Retry):
                final = refused(end, part.policy, turn.retries, turn.task_id)
                if final is not None:
                    end = final
                    break
            elif turn.retries >= part.policy.max_retries or not part.policy.matches(end):
                break
            turn.tell(end, is_retried=True)
            turn.retries += 1
            part.record.back(turn.index, RETRY)
        if turn.saved.parts:
            self._source.yielded[part.record.rid, turn.index] = turn.saved.parts
        yield from turn.sent
        match end:
            case bytes():
                self._source.succeed(part.record, turn.index, end)
            case Replaced(plan=plan):
                if turn.told is not None:
                    turn.told.replaced()
                self._go_on(turn, plan)
            case _:
                turn.tell(end, is_retried=False)
                self._fail(turn, end)

    def _try(self, turn: Turn, fall: Fall | None) -> bytes | BaseException:
        """The body of what a member returns, or what it raises."""
        part, index, source = turn.part, turn.index, self._source
        task, payload = part.task, part.payloads[index]
        turn.saved.begin()
        turn.told, turn.added, turn.began_ms = None, 0, source.clock.tick_ms()
        try:
            args, kwargs = source.codec.decode(payload, task.name)
            args, kwargs = self._upstream.arguments(part, index, fall, args, kwargs)
            request = part.request(index, turn.retries, args, kwargs)
            send, join = partial(self._send, turn), partial(self._join, turn)
            reporter = EagerReporter(part.record, index, request, send, join, saved=turn.saved)
            turn.told = told_of(task, args, kwargs, reporter)
            if turn.told is not None:
                turn.told.begins()
            value = call(task, args, kwargs, reporter)
            return turn.returned(
                value, source.encode(value, f"the value of {task.name!r}", payload)
            )
        except KeyboardInterrupt:
            raise  # nobody revokes a task with it here: it is the user who wants all of this to end
        except BaseException as error:  # noqa: BLE001 - this is where user code runs
            return error

    def _go_on(self, turn: Turn, plan: Plan) -> None:
        """The canvas that has taken a member's place has ended."""
        source, record, index = self._source, turn.part.record, turn.index
        sources = value_of(plan)
        fall = self._upstream.first_fall(sources.all, 0)
        if fall is not None:
            source.pass_on(record, index, fall, is_own=True, is_chord=False)
        elif self._upstream.is_ignored(sources.all, 0):
            source.ignore(record, index)
        else:
            # It was encoded before, in parts: only the whole may be too big.
            try:
                value, call = self._upstream.value(sources), turn.part.payloads[index]
                body = source.encode(value, record.name, call)
            except TooBig as error:
                self._fail(turn, error)
            else:
                source.succeed(record, index, body)

    def _fail(self, turn: Turn, error: BaseException) -> None:
        source, record, index = self._source, turn.part.record, turn.index
        seconds = (source.clock.tick_ms() - turn.began_ms) / 1000
        note = f"in this process, try {turn.retries + 1}, after {seconds:.2f} s"
        codec = source.codec.like(turn.part.payloads[turn.index])
        body = encode_within(error, note, codec, source.limit)
        source.fail(record, index, body)
        if self._keeps_errors:
            self._errors[record.task_id(index)] = error

    def _send(self, turn: Turn, signature: Any) -> Plan:
        """A task sends a canvas, which is a part of this one."""
        place = turn.part.place
        plan = self._compile(check_canvas(signature))
        mark(plan, signature, group_id=place.group_id, stamps=place.stamps)
        self.parts.add(plan, place.root_id or turn.task_id, turn.task_id)
        turn.sent.append(plan)
        return plan

    def _join(self, turn: Turn, signature: Any) -> None:
        """A task adds a canvas to the chord it is in."""
        bodies = turn.part.chords_of(turn.index)
        if not bodies:
            raise no_chord(turn.task_id)
        turn.added += 1
        plan = self._send(turn, signature)
        if turn.added <= turn.joined:
            return  # what an earlier try has added stays
        turn.joined += 1
        for body in bodies:
            body.added.append(value_of(plan))
