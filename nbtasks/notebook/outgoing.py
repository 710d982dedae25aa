"""A cell and its options -> what is sent: all that can be wrong is found before anything is."""

import builtins
import importlib
import sys
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any, Final, cast

from IPython.core.error import UsageError

from nbtasks.app import App
from nbtasks.cells import CellFunction
from nbtasks.errors import TooBig
from nbtasks.functions import Code, cell_code, import_way, load
from nbtasks.live import LiveRecord
from nbtasks.notebook import cell as cells
from nbtasks.notebook.credentials import find_secret
from nbtasks.notebook.fleet import find_worker
from nbtasks.notebook.frontend import notebook_path
from nbtasks.notebook.options import Line, loop_names, moment, n_bytes
from nbtasks.notebook.places import note_cell
from nbtasks.notebook.settings import NbTasks, cell_metadata
from nbtasks.notebook.source import CellSource
from nbtasks.notebook.words import size
from nbtasks.options import TaskOptions
from nbtasks.plan import Call, Held, Node, Plan, Value
from nbtasks.presence import NoWorkerWarning
from nbtasks.record import worker_direct
from nbtasks.result.base import ResultBase
from nbtasks.sending import Submission
from nbtasks.serializers import Codec, encode_json
from nbtasks.spelling import nearest
from nbtasks.task import Task

MAX_LABEL: Final = 60
NEVER: Final = "none"
"""`confirm_inputs` where whatever a cell reads is to go along."""

LARGE: Final = 10_000_000
"""Bytes of a variable above which it is said that it is sent."""

_AS_THEY_ARE: Final = (
    "queue",
    "priority",
    "countdown",
    "expires",
    "time-limit",
    "soft-time-limit",
    "rate-limit",
    "concurrency",
    "retries",
    "retry-delay",
    "backoff",
    "ignore-result",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What a cell comes to.

    Attributes:
        title: What it is called.
        code: What travels.
        node: Its calls, how they are sent, and what they wait for.
        is_many: Whether its result is a list.
        sizes: Names and sizes in bytes of the variables it takes along, the largest first.
        key: Which cell it is, for who runs it again.
        tags: The words of `--tag`.
        is_cached: Whether a stored result will do.
        shows_log: Whether what it prints is shown.
    """

    title: str
    code: Code
    node: Node
    is_many: bool
    sizes: Sequence[tuple[str, int]]
    key: str
    tags: Sequence[str]
    is_cached: bool
    shows_log: bool


class CellHere:
    """A cell as the function of a task: made only where it runs in this process."""

    def __init__(self, code: Code, codec: Codec) -> None:
        self._code = code
        self._codec = codec

    def __call__(self, **variables: Any) -> Any:
        """Run it once, with inputs that have been encoded and decoded, as on a worker."""
        return CellFunction(load(self._code.blob, self._codec))(**variables)


def make_cell(  # noqa: PLR0917 - what a cell is made of
    shell: Any, app: App, settings: NbTasks, source: CellSource, name: str, line: Line
) -> Cell:
    """Take together what a cell is to be sent with.

    Raises:
        UsageError: An option does not fit.
        Unsendable: A variable cannot be encoded; the message names it.
        TooBig: A variable is above the limit.
    """
    __tracebackhide__ = True
    options, namespace = line.options, shell.user_ns
    _check_ignored(options)
    title = name or f"cell-{source.number}"
    names, calls = _calls(shell, line)
    labels = [_label(values) for _, values in calls] if names else None
    puts, calls = _after(options.get("after", ()), names, calls, namespace)
    taken = {*names, *options.get("after", ())}
    reads = [read for read in source.reads if read not in taken]
    inputs, sizes = _inputs(reads, app, options, settings, namespace)
    outputs = options.get("outputs", ())
    code = cell_code(
        source.text, name=title, filename=source.filename, inputs=inputs, outputs=outputs,
        codec=app.codec,
    )  # fmt: skip
    sent = _sent_options(options, app, namespace)
    if options.get("cache"):
        waits = bool(puts)
        sent["task_id"] = _cache_id((source.text, inputs, outputs, calls), app.codec, waits=waits)
    origin, tags = _origin(shell, source), options.get("tag", ())
    task: Task[..., Any] = Task(app, CellHere(code, app.codec), title, TaskOptions())
    stamps: dict[str, Any] = {"origin": origin, **({"tag": list(tags)} if tags else {})}
    node = Node(task=task, calls=calls, options=sent, labels=labels, puts=puts, stamps=stamps)
    return Cell(
        title=title, code=code, node=node, is_many=bool(names), sizes=sizes, tags=tags,
        key=origin.get("cell") or name or origin["source"], is_cached=bool(options.get("cache")),
        shows_log=not options.get("no-log"),
    )  # fmt: skip


def _inputs(
    reads: list[str], app: App, options: Mapping[str, Any], settings: NbTasks, namespace: Any
) -> tuple[dict[str, Any], list[tuple[str, int]]]:
    """What a cell takes along, and the size of each, once all of it may go."""
    inputs = cells.pick_inputs(reads, namespace, options.get("inputs"))
    if options.get("inputs") is None:
        _check_secrets(inputs, app, options, settings)
    sizes = cells.input_sizes(inputs, app.codec)
    _check_sizes(sizes, app, options, settings, inputs)
    return inputs, sizes


def submit(app: App, cell: Cell) -> LiveRecord:
    """Send a cell; that nobody is there to run it is said in a line.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    node = cell.node
    submission = Submission(
        code=cell.code, name=cell.title, calls=node.calls, base=TaskOptions(), call=node.options,
        labels=node.labels, shows_log=cell.shows_log,
    )  # fmt: skip
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", NoWorkerWarning)
        record = app.submit(submission, node)
        # What failed is no result to keep.
        if cell.is_cached and record.has_failed(None) and app.forget(record):
            record = app.submit(submission, node)
    for warning in caught:
        # Without our file and line, which mean nothing to the reader of the notebook.
        sys.stderr.write(f"{warning.category.__name__}: {warning.message}\n")
    record.labels = list(node.labels) if node.labels is not None else None
    return record


def run_here(app: App, cell: Cell) -> Any:
    """Run a cell in this process, as a worker would; its result."""
    node = cell.node
    plan = Plan.of_calls(
        node.task, node.calls, node.options, labels=node.labels, one=not cell.is_many
    )
    (plain,) = plan.nodes
    plain.stamps, plain.puts, plain.rid = node.stamps, node.puts, ""
    return app.run_here(plan, throw=False)


def rows(cell: Cell, app: App) -> list[tuple[str, str]]:
    """What would be sent, in words."""
    node = cell.node
    count = len(node.calls)
    found = [("tasks", f"{count:,}" if cell.is_many else "1")]
    if node.labels:
        found.append(("items", "; ".join(node.labels[:3]) + (" …" if count > 3 else "")))  # noqa: PLR2004
    found.append(("queue", str(node.options.get("queue") or app.config.default_queue)))
    found += [
        (name.replace("_", " "), str(value))
        for name, value in node.options.items()
        if name != "queue"
    ]
    found += [("tag", tag) for tag in cell.tags]
    found += [(f"input {name}", size(bytes_)) for name, bytes_ in cell.sizes]
    found.append(("code with inputs", size(len(cell.code.blob))))
    return found


def _calls(shell: Any, line: Line) -> tuple[list[str], list[Call]]:
    """The variables of `--for`, and the arguments of each task; one task without it."""
    __tracebackhide__ = True
    if line.loop is None:
        return [], [((), {})]
    target, expression = line.loop
    names = loop_names(target)
    items: list[Any] = list(eval(expression, shell.user_global_ns, shell.user_ns))  # noqa: S307 - the user's own line
    if not items:
        raise UsageError(f"--for {target} in {expression}: there is nothing in it")
    calls: list[Call] = []
    for item in items:
        values: tuple[Any, ...] = (item,)
        if len(names) > 1:
            try:
                values = tuple(item)
            except TypeError:
                raise UsageError(f"--for {target}: {item!r} cannot be taken apart") from None
        if len(values) != len(names):
            raise UsageError(f"--for {target}: {item!r} has {len(values)} parts, not {len(names)}")
        calls.append(((), dict(zip(names, values, strict=True))))
    return names, calls


def _after(
    wanted: Sequence[str], names: Sequence[str], calls: list[Call], namespace: Mapping[str, Any]
) -> tuple[list[tuple[tuple[int, ...], Value]], list[Call]]:
    """The results that a cell waits for become values of the variables that they are in."""
    puts: list[tuple[tuple[int, ...], Value]] = []
    values: dict[str, Any] = {}
    for at, name in enumerate(dict.fromkeys(wanted), len(names)):
        result = namespace.get(name)
        if not isinstance(result, ResultBase):
            known = [key for key, value in namespace.items() if isinstance(value, ResultBase)]
            near = nearest(name, known) if known else ""
            raise UsageError(f"--after {name}: this is no result of a task{near}")
        if name in names:
            raise UsageError(f"--after {name}: --for gives this variable another value")
        value = result.as_value()
        values[name] = value.value if isinstance(value, Held) else None
        if not isinstance(value, Held):
            puts.append(((1, at), value))
    return puts, [(args, {**kwargs, **values}) for args, kwargs in calls] if values else calls


def _check_ignored(options: Mapping[str, Any]) -> None:
    for other in ("outputs", "cache") if options.get("ignore-result") else ():
        if options.get(other):
            raise UsageError(f"--ignore-result and --{other}: of what is not kept, nothing is left")


def _check_secrets(
    inputs: Mapping[str, Any], app: App, options: Mapping[str, Any], settings: NbTasks
) -> None:
    """Nobody means to leave a password in Redis who only mentions it in a cell."""
    if settings.confirm_inputs == NEVER or app.config.encrypt or options.get("local"):
        return
    culprit = find_secret(inputs)
    if culprit:
        raise UsageError(
            f"{culprit!r}, which this cell reads, looks like a secret, and would be kept in Redis:"
            " let the cell read it from a file or the environment; or, where it is to go along,"
            f" name all inputs: --inputs {','.join(inputs)}"
        )


def _check_sizes(
    sizes: Sequence[tuple[str, int]],
    app: App,
    options: Mapping[str, Any],
    settings: NbTasks,
    inputs: Mapping[str, Any],
) -> None:
    most = app.config.max_input
    limit = options.get("max-input", most)
    if limit > most:
        raise UsageError(f"--max-input {size(limit)}: the setting max_input allows {size(most)}")
    culprit, bytes_ = sizes[0] if sizes else ("", 0)
    if bytes_ > limit:
        raise TooBig(f"{culprit!r}, which this cell reads,", bytes_, limit, "max_input")
    bound = "" if settings.confirm_inputs == NEVER else settings.confirm_inputs
    if bound and options.get("inputs") is None and bytes_ > n_bytes(bound, "confirm_inputs"):
        raise UsageError(
            f"{culprit!r}, which this cell reads, has {size(bytes_)}: where it is to go along, name"
            f" all inputs: --inputs {','.join(inputs)}"
        )
    large = [f"{name!r} ({size(each)})" for name, each in sizes if each > LARGE]
    if large and options.get("inputs") is None:
        sys.stderr.write(
            f"sent along with this cell: {', '.join(large)}. A file that workers can read is"
            " quicker; where it is meant so, name all inputs with --inputs\n"
        )


def _sent_options(
    options: Mapping[str, Any], app: App, namespace: Mapping[str, Any]
) -> dict[str, Any]:
    found = {name.replace("-", "_"): options[name] for name in _AS_THEY_ARE if name in options}
    if "on" in options:
        live = [worker for worker in app.workers() if not worker.is_ending]
        found["queue"] = worker_direct(find_worker(options["on"], live).name)
    if "eta" in options:
        now = datetime.fromtimestamp(app.clock.wall_ms() / 1000, UTC).astimezone()
        found["eta"] = moment(options["eta"], now)
    if "retry-on" in options:
        found["retry_on"] = error_classes(options["retry-on"], namespace)
    return found


def error_classes(names: Sequence[str], namespace: Mapping[str, Any]) -> tuple[type, ...]:
    """The exception classes of these names: of the notebook, built in, or `module.Name`.

    Raises:
        UsageError: There is none of that name.
    """
    found: list[type] = []
    for name in names:
        first, *rest = name.split(".")
        value: Any = namespace.get(first, getattr(builtins, first, None))
        for part in rest:
            value = getattr(value, part, None)
        if value is None and rest:
            try:
                module = importlib.import_module(name.rpartition(".")[0])
            except ImportError:
                module = None
            value = getattr(module, rest[-1], None)
        if not (isinstance(value, type) and issubclass(value, BaseException)):
            raise UsageError(f"--retry-on {name}: there is no such exception{_near_error(name)}")
        found.append(cast("type", value))
    return tuple(found)


def _near_error(name: str) -> str:
    near = nearest(name, error_names())
    return near if "did you mean" in near else ""


def error_names() -> list[str]:
    """The exceptions that are built in."""
    return [
        name
        for name, value in vars(builtins).items()
        if isinstance(value, type) and issubclass(value, Exception)
    ]


def _cache_id(
    cell: tuple[str, Mapping[str, Any], Sequence[str], Sequence[Call]],
    codec: Codec,
    *,
    waits: bool,
) -> str:
    """An id that says what is run: the same after a restart, and in another notebook."""
    if waits:
        raise UsageError("--cache and --after: what a cell comes after is not known yet")
    text, inputs, outputs, calls = cell
    imports = {name: way for name, value in inputs.items() if (way := import_way(value, codec))}
    values = {name: value for name, value in inputs.items() if name not in imports}
    whole = blake2b(encode_json([text, imports, list(outputs)]), digest_size=16)
    whole.update(codec.same(values, "the inputs of this cell"))
    for args, kwargs in calls:
        whole.update(codec.same([*args, dict(kwargs)], "the items of --for"))
    return f"cell-{whole.hexdigest()}"


def _origin(shell: Any, source: CellSource) -> dict[str, str]:
    """Where a task comes from, so that its notebook finds it again."""
    cell = str(cell_metadata(shell).get("cellId") or "")
    note_cell(source.number, cell)
    found = {"notebook": notebook_path(), "cell": cell, "source": source.mark}
    return {name: value for name, value in found.items() if value}


def _label(values: Mapping[str, Any]) -> str:
    text = ", ".join(f"{name}={value!r}" for name, value in values.items())
    return text if len(text) <= MAX_LABEL else text[: MAX_LABEL - 1] + "…"
