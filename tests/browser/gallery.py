"""Each kind of widget in its main states, all its texts given: for what is asked of them all."""

from dataclasses import dataclass
from typing import Any

from page_side import Stream
from patience import wait_until

from nbtasks.clock import SystemClock
from nbtasks.live import ErrorText, LiveRecord, Progress
from nbtasks.monitor.records import About
from nbtasks.notebook.board import Board
from nbtasks.notebook.card import Card
from nbtasks.notebook.feed import Feed
from nbtasks.notebook.inquiry import Inquiry
from nbtasks.notebook.monitor import Monitor
from nbtasks.notebook.results import Results
from nbtasks.notebook.tally import Tally
from nbtasks.notebook.timetable import Timetable
from nbtasks.notebook.values import Glances
from nbtasks.plan import Role
from nbtasks.record import FORMAT
from nbtasks.result.canvas import Canvas
from nbtasks.result.steps import Link, Step
from nbtasks.serializers import encode_json
from nbtasks.states import FAILURE, RETRY, REVOKED, STARTED, SUCCESS
from nbtasks.store.items import Began, Ended

BEGAN_MS = int(SystemClock().wall_ms()) - 42_000
LONG_MS = BEGAN_MS - 18_000
FAR_MS = 10**15
OWNER = "0123456789ab"


@dataclass(frozen=True)
class Scene:
    """A widget in a state.

    Attributes:
        name: What is to be seen.
        kind: Of which widget.
        make: Makes it of an app and the text that all of it says.
        opens: What is clicked before it is looked at.
    """

    name: str
    kind: str
    make: Any
    opens: tuple[str, ...] = ()


def record(n, text, name=""):
    """Tasks that say this text wherever one can say something; some of each state."""
    found = LiveRecord("a1", n, name or text, submitted_ms=BEGAN_MS - 900)
    found.labels = [text] * n
    found.begin(0, text, BEGAN_MS)
    found.report(0, Progress(1, 2, text))
    for stream in ("stdout", "stderr", "value"):
        found.write(0, stream, text)
    found.errors[0] = ErrorText(text, text, text)
    ends = [SUCCESS, FAILURE, REVOKED, SUCCESS]
    for index in range(1, n - 2):
        found.begin(index, text, BEGAN_MS)
        end = ends[index % len(ends)]
        if end == FAILURE:
            found.errors[index] = ErrorText(text, text, text)
        found.finish(index, bytes([end]), [b""], text, BEGAN_MS + 40 * index)
    if n > 2:
        found.back(n - 2, RETRY)
    return found


class Saying:
    """Where values come from: they are all this text."""

    def __init__(self, text):
        self.store = self
        self.text = text

    def value_sizes(self, _rid, indices):
        return [len(self.text)] * len(indices)

    def values(self, _record, indices):
        return [self.text] * len(indices)


def nothing(*_arguments):
    """What a click does here."""


def board(n):
    """Many tasks."""

    def make(_app, text):
        return Board(
            [record(n, text)],
            title=text,
            detail=text,
            inputs=[(text, 2_100_000)],
            cancel=nothing,
            retry=nothing,
            feed=Feed(Stream()),
        )

    return make


def card(*, opened=True, is_over=False):
    """One task, with the arguments of one that waits in Redis; `is_over`: it has failed."""

    def make(app, text):
        found = record(1, text)
        found.queue = text
        found.rid = app.task(abs, name="sync").delay(text).id
        if is_over:
            found.back(0, RETRY, BEGAN_MS + 300)
            found.begin(0, text, BEGAN_MS + 400)
            found.finish(0, bytes([FAILURE]), [b""], text, BEGAN_MS + 800)
        return Card(
            [found],
            title=text,
            inputs=[(text, 2_100_000)],
            cancel=nothing,
            retry=nothing,
            inquiry=Inquiry(app, app),
            opened=opened,
            feed=Feed(Stream()),
        )

    return make


def graph(_app, text):
    """load | group(score * 3) | report, with an errback; one score has failed."""
    score = record(4, text)
    load, report, sorry = (LiveRecord(text, 1, text, submitted_ms=BEGAN_MS - 900) for _ in range(3))
    load.begin(0, text, BEGAN_MS)
    load.finish(0, bytes([SUCCESS]), [b""], text, BEGAN_MS + 700)
    canvas = Canvas(
        None,
        [
            Step(load),
            Step(score, links=(Link(0, "w"),)),
            Step(report, links=(Link(1, "w"),)),
            Step(sorry, Role.ERRBACK, (Link(1, "w"),)),
        ],
    )
    return Board(
        canvas.records,
        title=text,
        cancel=nothing,
        retry=nothing,
        feed=Feed(Stream()),
        canvas=canvas,
    )


def results(_app, text):
    """A table of tasks."""
    return Results(
        Tally([record(7, text)]),
        title=text,
        cancel=nothing,
        retry=nothing,
        glances=Glances(lambda: Saying(text)),
        feed=Feed(Stream()),
    )


def monitor(app, text):
    """A worker and a queue that lie about all they are, and what ran there."""
    plain = _stored(text)
    queue = "".join(plain.split())  # a space is between two of them
    call, prefix = app.store.call, app.store.keys.prefix
    call("DEL", f"{prefix}fleet", f"{prefix}paused", f"{prefix}limits")
    told = dict.fromkeys(("host", "python", "queues", "version"), plain)
    told |= {
        "queues": queue,
        "pid": 1,
        "concurrency": 2,
        "owner": OWNER,
        "stats": '{"cpu":12,"rss":90000000}',
    }
    call("HSET", f"{prefix}w:{plain}", *(part for pair in told.items() for part in pair))
    call("ZADD", f"{prefix}fleet", FAR_MS, plain)
    call("HSET", f"{prefix}paused", queue, 1_000, "default", 0)
    app.store.run_script("hour", 40, 3, 1, 2, 30)
    call("HSET", app.store.keys.limits, plain, 10_000, f"!{plain}", 1_000)
    _run(app, plain)
    for key in ("fleet", f"w:{plain}", "limits"):
        call("PEXPIRE", f"{prefix}{key}", 60_000)
    found = Monitor(app, Feed(Stream()), gone=lambda _: {text: 3})
    now = int(found._now_ms())
    line, about = found._watch._timeline, About(text, text, 2)
    line.hear(Ended(now, "a2", 0, bytes([FAILURE]), 1, plain, 400_000, (), (), ()), about)
    line.hear(Began(now, "a3", 0, plain, LONG_MS), about)
    return found


def _run(app, name):
    """A record that says it has this name, in the hands of the worker."""
    call, keys = app.store.call, app.store.keys
    header = encode_json({"v": FORMAT, "task": name, "code": ""})
    call("HSET", keys.record("a3"), "h", header, "n", 2, "w0", f"p {LONG_MS} 7")
    call("SET", keys.states("a3"), bytes([STARTED, STARTED]))
    call("ZADD", keys.lease, FAR_MS, f"a3:0:2:{OWNER}-1")
    for key in (keys.record("a3"), keys.states("a3"), keys.lease):
        call("PEXPIRE", key, 60_000)


def schedule(app, text):
    """Two entries: one that says it is paused, one that has run."""
    plain = _stored(text)
    task = app.task(abs, name="sync")
    if "sync" in app.schedules:
        app.schedules.remove("sync")
    app.schedules.add("sync", task.s(-1), "*/10 * * * *")
    app.schedules.add("weekly", task.s(text), "0 7 * * mon")
    app.schedules.run("sync")
    app.store.call("HSET", app.store.keys.entry("weekly"), "off", plain, "er", plain)
    return Timetable(app.schedules, Feed(Stream()))


def _stored(text):
    """As Redis gives it back: no half of a surrogate pair, and something in any case."""
    return text.encode("utf-8", "replace").decode()


MONITOR = (".nbt-open", ".nbt-under .nbt-mark", ".nbt-limit", ".nbt-stream canvas")
SCENES = (
    Scene("a task in a line", "card", card(opened=False)),
    Scene("a task that runs", "card", card()),
    Scene("a task that failed", "card", card(is_over=True), (".nbt-fold > summary",)),
    Scene("twelve tasks, one opened", "board", board(12), (".nbt-name",)),
    Scene("a grid of tasks, one opened", "board", board(60), (".nbt-name", ".nbt-fold > summary")),
    Scene("a graph with a box picked", "graph", graph, (".nbt-node[data-code='4']",)),
    Scene("the board beside a graph", "graph", graph, ("[role=tab] >> text=Board",)),
    Scene("results, one selected", "results", results, ("tbody .nbt-box",)),
    Scene("results, one opened", "results", results, ("tbody .nbt-name",)),
    Scene("a monitor, all open", "monitor", monitor, MONITOR),
    Scene("a schedule, an entry edited", "schedule", schedule, ("text=Edit",)),
)


def play(shown, scene, app, text):
    """Show a scene in the page of another one, or the first one there."""

    def make():
        return scene.make(app, text)

    if shown.make is None:
        shown.make = make
        shown.start()
    else:
        shown.again(make)
    shown.answer()
    for selector in scene.opens:
        found = shown.page.locator(selector).first
        wait_until(lambda found=found: shown.answer() or found.count(), selector)
        found.click()
    shown.answer()
    shown.page.evaluate("window.painted()")
