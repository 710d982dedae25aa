"""The options of the magics: what each is called, what it takes, and what it does.

Long options are the keywords of `apply_async`, so docs, decorators and magics teach one vocabulary.
"""

from dataclasses import dataclass
from typing import Final

from nbtasks.overlap import Overlap
from nbtasks.states import TaskState

FLAG: Final = "flag"
TEXT: Final = "text"
WHOLE: Final = "whole"
DURATION: Final = "duration"
MOMENT: Final = "moment"
SIZE: Final = "size"
WORDS: Final = "words"
NAMES: Final = "names"
ERRORS: Final = "errors"
LOOP: Final = "loop"

VIEWS: Final = ("auto", "board", "html", "text", "none")
STATES: Final = tuple(TaskState.__members__)


@dataclass(frozen=True, slots=True)
class Option:
    """One option: its long name, its letter or '', the kind of its value, and what it does.

    Where `choices` are given, its value is one of them. `source` says what else completes it:
    `queues`, `states`, `variables`, `results`, `workers` or `errors`.
    """

    long: str
    short: str
    kind: str
    help: str
    choices: tuple[str, ...] = ()
    source: str = ""


TASK_OPTIONS: Final = (
    Option("queue", "q", TEXT, "the queue it goes to", source="queues"),
    Option("on", "", TEXT, "the worker that is to run it, and no other", source="workers"),
    Option("priority", "", WHOLE, "0 to 9, higher first"),
    Option("tag", "", WORDS, "words to find or revoke it by, with commas: the stamp tag"),
    Option("countdown", "", DURATION, "start after this time"),
    Option("eta", "", MOMENT, "start then: 18:30, or 2030-01-31T18:30"),
    Option("expires", "", DURATION, "do not start after this time"),
    Option("time-limit", "t", DURATION, "kill it when it runs longer: 90s, 5m"),
    Option(
        "soft-time-limit", "", DURATION, "raise SoftTimeLimitExceeded in it when it runs longer"
    ),
    Option("rate-limit", "", TEXT, "how often such tasks begin, over all workers: 10/s, 5/m, 1/h"),
    Option("concurrency", "", WHOLE, "how many such tasks run at a time, over all workers"),
    Option("retries", "r", WHOLE, "how many more tries after an error"),
    Option("retry-delay", "", DURATION, "how long between tries: 2s, 1m"),
    Option("backoff", "", FLAG, "double the time between tries with each"),
    Option(
        "retry-on", "", ERRORS, "try again after these only: OSError,TimeoutError", source="errors"
    ),
    Option(
        "inputs", "i", NAMES, "the variables it gets, with commas, or none; default: what it reads",
        source="variables",
    ),
    Option("outputs", "o", NAMES, "the variables it gives back, with commas: result.outputs.x"),
    Option("max-input", "", SIZE, "the largest variable it may take along: 64MB"),
    Option("for", "", LOOP, "one task for each item: --for x in range(10)"),
    Option(
        "after", "", NAMES, "run after these results, whose names are their values in the cell",
        source="results",
    ),
    Option("block", "b", FLAG, "wait for the result, and show it"),
    Option("timeout", "", DURATION, "with --block: how long to wait"),
    Option("view", "", TEXT, "how it is shown", VIEWS),
    Option("quiet", "", FLAG, "show nothing"),
    Option("log", "", FLAG, "show what it prints, where %config NbTasks.log says no"),
    Option("no-log", "", FLAG, "do not show what it prints; result.log has it"),
    Option("local", "", FLAG, "run it here and now, as a worker would"),
    Option("dry-run", "n", FLAG, "show what would be sent, and send nothing"),
    Option("ignore-result", "", FLAG, "keep no value; of an error only its words"),
    Option("cache", "", FLAG, "take the stored result of the same source and inputs"),
    Option("replace", "", FLAG, "revoke what this cell sent before, if it still runs"),
    Option(
        "attach", "", TEXT, "take up what was sent before, by name or id: r = %task --attach fit",
        source="sent",
    ),
)  # fmt: skip
BROKER_OPTIONS: Final = (
    Option("start", "", WHOLE, "start so many local workers; default without a URL: one per core"),
    Option("queue", "q", TEXT, "the queues of the workers started, with commas", source="queues"),
    Option("close", "", FLAG, "close the connection"),
)
TASKS_OPTIONS: Final = (
    Option("state", "s", TEXT, "only tasks in this state", source="states"),
    Option("tag", "", TEXT, "only tasks with this tag"),
    Option("all", "", FLAG, "the tasks of everybody, whoever has sent them"),
    Option("lines", "n", WHOLE, "how many, the newest first"),
    Option("timeout", "", DURATION, "with wait: how long to wait"),
)

_OF_TASKS: Final = (
    "queue", "priority", "tag", "expires", "time-limit", "soft-time-limit", "retries",
    "retry-delay", "backoff", "retry-on", "inputs", "max-input", "for",
)  # fmt: skip
_OVERLAPS: Final = tuple(each.value for each in Overlap)
SCHEDULE_OPTIONS: Final = (
    Option("every", "", TEXT, "run it after each such time: 10m, 1h30m, 1d"),
    Option("cron", "", TEXT, 'run it then: "0 7 * * mon-fri", or @daily'),
    Option("tz", "", TEXT, "the time zone of --cron: Europe/Paris", source="zones"),
    Option("until", "", TEXT, "not after that: 2030-01-31, or 2030-01-31T18:30"),
    Option("overlap", "", TEXT, "while the last run has not ended", _OVERLAPS),
    Option("catch-up", "", TEXT, "make up for times missed by no more than this; default 1h"),
    Option("jitter", "", TEXT, "start it up to so much later: 30s"),
    Option("pause-on-failure", "", WHOLE, "pause it after so many failed runs in a row"),
    Option("from", "", TEXT, "with backfill: the first time, 2026-11-01"),
    Option("to", "", TEXT, "with backfill: the last time; default: now"),
    Option("lines", "n", WHOLE, "with history: how many runs; default 10"),
    *(option for option in TASK_OPTIONS if option.long in _OF_TASKS),
)
SCHEDULE_COMMANDS: Final = {
    "list": "all that is scheduled",
    "next": "the next N times of all of it",
    "history": "its last runs, with their values",
    "edit": "run it at other times: --every or --cron, --tz, --until, --jitter",
    "pause": "run it no more until it is resumed",
    "resume": "run it again from now on",
    "run": "run it now, beside its schedule",
    "backfill": "run it for times in the past: --from, --to",
    "rm": "take it off the schedule",
}
WORKERS_OPTIONS: Final = (
    Option("queue", "q", TEXT, "with start: their queues, with commas", source="queues"),
    Option("concurrency", "c", WHOLE, "with start: tasks at a time for each; default 1"),
    Option("any", "", FLAG, "with stop, scale: also workers that this notebook did not start"),
    Option("lines", "n", WHOLE, "with log: how many lines; default 20"),
)
WORKERS_COMMANDS: Final = {
    "start": "N more local workers",
    "stop": "these, or all: they finish what runs",
    "scale": "start or stop some, until there are N local ones",
    "sync": "send a local module or package along with every task from now on",
    "check": "compare what this notebook has imported with what they have installed",
    "log": "the last lines that one has written",
}

TASKS_COMMANDS: Final = {
    "show": "its board, again: live, with what it has written",
    "table": "each of its tasks in a row, to sort, filter and save",
    "log": "what it wrote",
    "stack": "where it is right now",
    "cancel": "end it for good",
    "retry": "run it again where it has failed",
    "wait": "wait until it has ended",
    "forget": "remove its record",
    "graph": "draw its canvas",
}
REFERENCES: Final = ("@last", "@failed")
"""In place of the name or id of a task: the newest one, and all that have failed."""


def options_text(known: tuple[Option, ...]) -> str:
    """A line for each option, for the help of a magic."""
    found: list[str] = []
    for option in known:
        name = f"-{option.short}, --{option.long}" if option.short else f"--{option.long}"
        choices = f": {', '.join(option.choices)}" if option.choices else ""
        found.append(f"{name:<24} {option.help}{choices}")
    return "\n".join(found)


def commands_text(known: dict[str, str]) -> str:
    """A line for each word that may stand first, for the help of a magic."""
    return "\n".join(f"{name:<24} {text}" for name, text in known.items())
