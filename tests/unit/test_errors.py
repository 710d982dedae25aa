"""Every error survives pickle and says what happened; every public name is there."""

import inspect
import pickle
import subprocess
import sys

import pytest

import nbtasks
from nbtasks import errors
from nbtasks.errors import NbTasksError

CASES = {
    "NbTasksError": (("it went wrong",), "it went wrong"),
    "ConfigError": (("x is wrong",), "x is wrong"),
    "StoreError": (("it went wrong",), "it went wrong"),
    "StoreUnavailable": (
        ("redis://h", "refused", 7.2),
        "Redis at redis://h cannot be reached for 7 s",
    ),
    "StoreRefused": (("redis://h", "OOM"), "Redis at redis://h refused: OOM"),
    "StoreFull": (("redis://h", "OOM"), "Redis at redis://h is full, and nothing was submitted:"),
    "QueueFull": (
        ("q", 3, 9999, 10_000),
        "queue 'q' has no room for 3 more tasks: 9,999 wait there, and max_queued is 10,000.",
    ),
    "NotReplicated": (("t1", 2.0), "task 't1' is stored and runs, but no replica of Redis has"),
    "NoServer": (("no binary",), "cannot start a Redis server here: no binary. Install one with"),
    "ArchiveUnavailable": (
        ("sqlite:///runs.db", "disk is full"),
        "the archive sqlite:///runs.db cannot be used: disk is full",
    ),
    "TaskError": (("it went wrong",), "it went wrong"),
    "UnknownTask": (("t1",), "no task 't1' is stored: it was never sent to this Redis, or its"),
    "UnknownEntry": (("nightly", ""), "there is no schedule entry 'nightly'"),
    "Unsendable": (("argument 'x'", "lock", "no", "do"), "cannot send argument 'x' (lock): no; do"),
    "TooBig": (
        ("argument 'x'", 2_000_000, 1_000_000, "max_input"),
        "argument 'x' is 2.0 MB, above",
    ),
    "ChordError": (("t1", "ValueError: no"), "Dependency t1 raised ValueError: no"),
    "TaskRevoked": (("t1", "expired"), "task 't1' was not finished: expired"),
    "TimeLimitExceeded": (
        ("t1", 2.5),
        "task 't1' ran longer than its time limit of 2.5 s, and was",
    ),
    "SoftTimeLimitExceeded": (
        ("t1", 2.5),
        "task 't1' ran longer than its soft time limit of 2.5 s: make",
    ),
    "Retry": ((30, None, 5), "the task is to be tried again in 30 s"),
    "MaxRetriesExceededError": (("t1", 3), "task 't1' asks to be tried again, and was 3 times"),
    "WorkerLost": (("t1", "signal 9"), "task 't1' is given up: signal 9. A crash in native code"),
    "VersionMismatch": (("t1", "3.11", "3.12"), "task 't1' was pickled on Python 3.11, but the"),
    "BadSignature": (("the code of 'f'",), "the code of 'f': it is not signed by this side's key"),
    "TooOld": (("task 'a'", 90.0, 60.0), "task 'a': it was signed 90 s ago, and max_age_ms allows"),
    "NotRunning": (("a1", "PENDING"), "task 'a1' does not run now (PENDING): only what runs has"),
    "ContentRefused": (("task 'a'", "pickle", "no"), "task 'a': it is pickle, and that is not"),
    "RemoteError": (("ValueError", "bad", "Traceback"), "ValueError: bad"),
    "WaitTimeout": (("t1", 2.5, "PENDING"), "task 't1' did not finish within 2.5 s (now: PENDING)"),
}
CLASSES = [
    value
    for _, value in inspect.getmembers(errors, inspect.isclass)
    if issubclass(value, NbTasksError)
]


def test_every_error_class_is_tested():
    assert {kind.__name__ for kind in CLASSES} == set(CASES)


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_an_error_says_what_happened(kind):
    args, sentence = CASES[kind.__name__]
    assert str(kind(*args)).startswith(sentence)


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_an_error_survives_pickle(kind, protocol):
    args, _ = CASES[kind.__name__]
    error = kind(*args)
    error.add_note("a note")
    back = pickle.loads(pickle.dumps(error, protocol))
    assert type(back) is kind
    assert (back.args, str(back), back.__notes__) == (error.args, str(error), ["a note"])


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_an_error_is_drawn_in_the_tree_and_public(kind):
    assert f" {kind.__name__} " in errors.__doc__.replace("\n", " \n")
    assert kind.__name__ in nbtasks.__all__


@pytest.mark.parametrize(
    ("kind", "base"),
    [
        ("ConfigError", ValueError),
        ("StoreUnavailable", ConnectionError),
        ("UnknownTask", LookupError),
        ("WaitTimeout", TimeoutError),
    ],
)
def test_an_error_is_caught_by_the_builtin_it_stands_for(kind, base):
    assert issubclass(getattr(errors, kind), base)


# Public names


@pytest.mark.parametrize("name", nbtasks.__all__)
def test_a_public_name_is_there_and_has_a_docstring(name):
    assert getattr(nbtasks, name).__doc__


def test_the_list_of_public_names_is_sorted_and_shown_by_dir():
    assert nbtasks.__all__ == sorted(nbtasks.__all__)
    assert dir(nbtasks) == sorted([*nbtasks.__all__, "__version__"])


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'nbtasks' has no attribute 'nothing'"):
        _ = nbtasks.nothing


def test_import_nbtasks_is_light():
    heavy = ["redis", "cloudpickle", "pickle", "asyncio", "IPython", "ipywidgets", "click", "tblib"]
    program = f"import sys, nbtasks; print(*[name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []


def test_the_first_use_of_a_name_loads_no_notebook():
    program = "import sys, nbtasks; nbtasks.App; print('IPython' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"
