"""A canvas -> the plan of it: which records there are, and what each of them waits for (pure).

A step is compiled after what it comes after, so nodes stand in the order in which they may run.
Neighbours in a group that call the same task in the same way become one node, and equal chains side
by side one node for each step.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, cast

from nbtasks.canvas import Canvas, chain, chord, group
from nbtasks.dependencies import has_results
from nbtasks.errors import ConfigError
from nbtasks.merging import runs
from nbtasks.naming import Names
from nbtasks.plan import All, Call, Many, Node, One, Plan, Role, Rule, Value
from nbtasks.record import new_id
from nbtasks.routes import Routes
from nbtasks.scopes import Options, Scope, ignorant
from nbtasks.sender import Sendable, Sender, find_task
from nbtasks.signature import Signature, links_of

_NO_KEYWORDS: Mapping[str, Any] = {}
_ANYWHERE = Routes()
_OF_CANVAS = frozenset(("link", "link_error", "on_upstream", "stamps"))


def compile_canvas(
    signature: Signature,
    args: Iterable[Any] = (),
    kwargs: Mapping[str, Any] | None = None,
    options: Options | None = None,
    *,
    app: Sender | None = None,
    header_errbacks: bool = False,
    routes: Routes = _ANYWHERE,
) -> Plan:
    """What a signature comes to.

    Args:
        signature: A task, a chain, a group or a chord.
        args: Positional arguments, put before those of the first tasks.
        kwargs: Keyword arguments for those.
        options: As in `apply_async`.
        app: Where the tasks of signatures are looked up that have only a name.
        header_errbacks: Whether an errback of a chord is one of the tasks of its header too.
        routes: What tells apart members of a group that go to several queues.

    Raises:
        ConfigError: It cannot be sent as it is; nothing was submitted.
    """
    scope = _scope_of(options or {})
    compiler = _Compiler(app, scope.stamps, routes, header_errbacks=header_errbacks)
    before = Before(args=tuple(args), kwargs=kwargs or _NO_KEYWORDS)
    try:
        value = compiler.step(signature, before, scope).value
    except RecursionError:
        raise ConfigError(
            "a canvas is nested too deep: about 150 chords may stand in each other's headers; let"
            " the tasks inside send the rest (self.replace)"
        ) from None
    if value is None and any(isinstance(each, group) for each in (signature, *parts_of(signature))):
        value = Many((), new_id())
    return Plan(compiler.names.settle(compiler.nodes), value)


def _scope_of(call: Options) -> Scope:
    """What the options of a call say of a whole canvas."""
    return Scope(
        forced={
            name: value for name, value in call.items() if name not in _OF_CANVAS - {"on_upstream"}
        },
        links=tuple(links_of(call, "link")),
        errbacks=tuple(links_of(call, "link_error")),
        stamps=call.get("stamps", {}),
    )


def compile_call(task: Sendable, call: Call, options: Options) -> Plan:
    """What one call of a task comes to: nearly always one node, without a detour."""
    args, kwargs = call
    if has_results(args, kwargs) or not _OF_CANVAS.isdisjoint(options):
        return compile_canvas(Signature(task, args, kwargs), options=options)
    return Plan.of_calls(task, [call], options, one=True)


def compile_calls(task: Sendable, calls: Sequence[Call], options: Options) -> Plan:
    """What calls of a task side by side come to."""
    routes = task.sender.routes
    is_plain = _OF_CANVAS.isdisjoint(options) and "task_id" not in options
    if is_plain and not routes.reads_calls and not any(has_results(*call) for call in calls):
        return Plan.of_calls(task, calls, options)
    whole = group(Signature(task, *call) for call in calls)
    return compile_canvas(whole, options=options, routes=routes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """What a step comes after, and what else it is called with.

    Attributes:
        value: What it waits for, and takes as its first argument.
        each: In its place: the node whose members its members follow one by one.
        takes: Whether it takes the value.
        is_chord: Whether it fails with a `ChordError` where the value cannot be had.
        args: Arguments before its own.
        kwargs: Keyword arguments over its own.
        parent: What its result calls its parent.
    """

    value: Value | None = None
    each: Node | None = None
    takes: bool = True
    is_chord: bool = False
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict[str, Any])
    parent: Value | None = None

    @classmethod
    def after(cls, value: Value) -> "Before":
        """After this value."""
        return cls(value=value, parent=value, is_chord=isinstance(value, Many))

    def call(self, signature: Signature) -> Call:
        """The arguments of a signature here."""
        if signature.immutable or not (self.args or self.kwargs):
            return signature.args, signature.kwargs
        return (*self.args, *signature.args), {**signature.kwargs, **self.kwargs}

    def inside(self, canvas: Canvas) -> "Before":
        """The same for what a canvas begins with."""
        if not (canvas.args or canvas.kwargs):
            return self
        args, kwargs = self.call(canvas)
        return replace(self, args=args, kwargs=kwargs)


@dataclass(frozen=True, slots=True)
class Done:
    """What became of a step: its value, None for nothing, and the nodes an errback watches."""

    value: Value | None
    watched: Sequence[Node] = ()


class _Compiler:
    def __init__(
        self, app: Sender | None, stamps: Options, routes: Routes, *, header_errbacks: bool
    ) -> None:
        self.nodes: list[Node] = []
        self.names = Names()
        self._app = app
        self._stamps = stamps
        self._routes = routes
        self._header_errbacks = header_errbacks
        self._path: list[Signature] = []

    def step(self, signature: Signature, before: Before, scope: Scope) -> Done:
        """Whatever a signature is."""
        scope = scope.inside(signature)
        if not isinstance(signature, Canvas):
            node = self._node([signature], before, scope)
            return Done(One(node, 0, before.parent), [node])
        self._enter(signature)
        before = before.inside(signature)
        if isinstance(signature, chain):
            done = self._chain(signature, before, scope)
        elif isinstance(signature, group):
            done = self._group(signature, before, scope)
        else:
            done = self._chord(cast("chord", signature), before, scope)
        self._path.pop()
        return done

    def _chain(self, signature: chain, before: Before, scope: Scope) -> Done:
        merged = scope.options(signature.options)
        steps = [each for each in signature.tasks if not _is_nothing(each)]
        watched: list[Node] = []
        value: Value | None = None
        for at, each in enumerate(steps):
            is_last = at == len(steps) - 1
            inner = scope.of_step(merged, first=at == 0, last=is_last)
            if isinstance(each, group) and len(each.tasks) == 1 and len(steps) > 1:
                found = before.inside(each)
                done = self.step(each.tasks[0], found, inner.of_only(each.options))
            else:
                done = self.step(each, before, inner)
            value = done.value
            if value is None:
                continue
            is_header = isinstance(each, group) and isinstance(value, Many) and not is_last
            if self._header_errbacks or not is_header:
                watched += done.watched
            before = Before.after(value)
        for errback in scope.errbacks if watched else ():
            self._watch(errback, watched)
        return Done(value, watched)

    def _group(self, signature: group, before: Before, scope: Scope) -> Done:
        given = scope.options(signature.options).get("task_id")
        group_id = self.names.take(given) or new_id()
        inner = scope.of_members(signature.options, group_id)
        apart = has_results(before.args, before.kwargs)
        items: list[Value | All] = []
        watched: list[Node] = []
        place_of = partial(self._place_of, before) if self._routes.reads_calls else None
        for run in runs(signature.tasks, apart=apart, place_of=place_of):
            done = self._run(run, replace(before, parent=None), inner)
            watched += done.watched
            if isinstance(run[0], group) and isinstance(done.value, Many):
                items += done.value.items
            elif len(run) > 1:
                items.append(All(done.watched[-1]))
            elif done.value is not None:
                items.append(done.value)
        if not items:
            return Done(None)
        only = items[0]
        value = only if len(items) == 1 and isinstance(only, Many) else None
        value = value or Many(tuple(items), group_id, before.parent)
        self.names.add(given, value)
        for link in ignorant(scope.links):
            scope = Scope(role=Role.CALLBACK, stamps=self._stamps)
            self.step(link, Before(value=_first(only)), scope)
        return Done(value, watched)

    def _place_of(self, before: Before, member: Signature) -> object:
        """Where a member of a group goes: of a chain, where each of its tasks does."""
        steps = member.tasks if isinstance(member, chain) else [member]
        return [
            self._routes.find(each.name, *before.call(each), each.options, each.task)
            for each in steps
        ]

    def _run(self, run: list[Signature], before: Before, scope: Scope) -> Done:
        """Members of a group that differ in their arguments only; the value is that of one."""
        first = run[0]
        if len(run) == 1:
            return self.step(first, before, scope)
        scope = scope.inside(first)
        if not isinstance(first, chain):
            return Done(None, [self._node(run, before, scope)])
        merged = scope.options(first.options)
        columns = list(zip(*(each.tasks for each in cast("list[chain]", run)), strict=True))
        nodes: list[Node] = []
        for at, column in enumerate(columns):
            inner = scope.of_step(merged, first=at == 0, last=at == len(columns) - 1)
            nodes.append(self._node(column, before, inner.inside(column[0])))
            before = Before(each=nodes[-1])
        for errback in scope.errbacks:
            for node in nodes:
                self._hang(errback, node, Role.ERRBACK)
        return Done(None, nodes)

    def _chord(self, signature: chord, before: Before, scope: Scope) -> Done:
        body = signature.body
        if body is None:
            raise ConfigError(
                f"{signature!r} has no body: nothing would get the values; call it with one, or"
                " send a group"
            )
        merged = scope.options(signature.options)
        if _is_nothing(body):  # as an empty group in a chain: nothing stands there
            only = scope.of_step(merged, first=True, last=True)
            return self.step(signature.header, before, replace(only, errbacks=scope.errbacks))
        header_scope = scope.of_header(merged, errbacks=self._header_errbacks)
        header = self.step(signature.header, before, header_scope)
        if header.value is None:
            empty = Many((), new_id(), before.parent)
            after = replace(before, takes=False, args=([],), kwargs=_NO_KEYWORDS, parent=empty)
        else:
            after = Before(value=header.value, parent=header.value, is_chord=True)
        done = self.step(body, after, scope.of_body(merged))
        watched = header.watched if self._header_errbacks else ()
        return Done(done.value, [*watched, *done.watched])

    def _node(self, signatures: Sequence[Signature], before: Before, scope: Scope) -> Node:
        """A node of calls that differ in their arguments only."""
        first = signatures[0]
        options = scope.options(first.options)
        rule = _rule(options.pop("on_upstream", Rule.ALL_SUCCESS))
        given = options.pop("task_id", None)
        name = self.names.take(given)
        if name:
            options["task_id"] = name
        node = Node(
            task=find_task(first.task, self._app) if isinstance(first.task, str) else first.task,
            calls=[before.call(each) for each in signatures],
            options=options,
            rid=name,
            after=before.value,
            each=before.each,
            takes=before.takes and not first.immutable,
            rule=Rule.ONE_FAILED if scope.role is Role.ERRBACK else rule,
            role=scope.role,
            is_chord=before.is_chord,
            group_id=scope.group_id,
            stamps=scope.stamps,
        )
        self.nodes.append(node)
        if len(signatures) == 1:
            self.names.ask(node)
            self.names.add(given, One(node, 0, before.parent))
        if scope.links or scope.errbacks:
            self._enter(first)
            for link in scope.links:
                self._hang(link, node, Role.CALLBACK)
            for link in scope.errbacks:
                self._hang(link, node, Role.ERRBACK)
            self._path.pop()
        return node

    def _hang(self, link: Signature, node: Node, role: Role) -> None:
        """Have something follow each member of a node."""
        scope, count = Scope(role=role, stamps=self._stamps), len(node.calls)
        is_plain = not isinstance(link, Canvas) and "task_id" not in link.options
        if count > 1 and is_plain and not has_results(link.args, link.kwargs):
            self._node([link] * count, Before(each=node), scope.inside(link))
            return
        for index in range(count):
            value = One(node, index)
            self.step(link, Before(value=value, parent=value), scope)

    def _watch(self, errback: Signature, nodes: Sequence[Node]) -> None:
        """Have an errback run once, for the first of these that fails."""
        value = Many(tuple(All(node) for node in nodes))
        scope = Scope(role=Role.ERRBACK, stamps=self._stamps)
        self.step(errback, Before(value=value), scope)

    def _enter(self, signature: Signature) -> None:
        if any(each is signature for each in self._path):
            names = [each.name for each in (*self._path, signature)]
            raise ConfigError(f"a canvas contains itself: {' -> '.join(names)}")
        self._path.append(signature)


def parts_of(signature: Signature) -> Iterable[Signature]:
    """What a canvas is made of; nothing for a task."""
    return signature.parts() if isinstance(signature, Canvas) else ()


def _is_nothing(signature: Signature) -> bool:
    """Whether there is nothing to run in it."""
    if isinstance(signature, chord) and signature.body is None:
        return False
    return isinstance(signature, Canvas) and all(map(_is_nothing, signature.parts()))


def _first(item: Value | All) -> Value:
    """The first task of a group's first member that ends in several."""
    while isinstance(item, Many):
        item = item.items[0]
    return One(item.node) if isinstance(item, All) else item


def _rule(given: object) -> Rule:
    try:
        return Rule(given)  # type: ignore[arg-type] # a user's
    except ValueError:
        known = ", ".join(rule.value for rule in Rule)
        raise ConfigError(f"on_upstream is {given!r}: it must be one of {known}") from None
