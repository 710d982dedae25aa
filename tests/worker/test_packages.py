"""Modules that a client sends ahead of its tasks: which code each task imports."""

import sys

import pytest
from patience import wait_until
from worker_side import states

from nbtasks import BadSignature, RemoteError

pytestmark = pytest.mark.filterwarnings("ignore::nbtasks.NoWorkerWarning")

SOURCE = """
from pathlib import Path
import threading

def word():
    return {word!r}

def held_word(folder):
    Path(folder, "started").touch()
    while not Path(folder, "go").exists():
        threading.Event().wait(0.003)
    return word()
"""


@pytest.fixture
def module(tmp_path, monkeypatch):
    """A module that this process can import, and workers cannot: its name, and how to write it."""
    name = f"module_{tmp_path.name.replace('-', '_')}"
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def write(word):
        path = folder / f"{name}.py"
        path.write_text(SOURCE.format(word=word))
        return path

    yield name, write
    sys.modules.pop(name, None)


def word_of(name):
    """A task that imports the module where it runs."""
    return lambda: __import__(name).word()


def test_a_task_sent_after_an_edit_runs_the_new_code(app, module, start_worker):
    name, write = module
    start_worker("-c", "1")
    word = app.task(word_of(name))
    with pytest.raises(ModuleNotFoundError):
        word.delay().get(10)

    for said in ("one", "two", "one"):
        app.sync(write(said))
        assert word.delay().get(10) == said
        assert word.delay().get(10) == said


def test_a_task_that_was_sent_before_the_edit_keeps_its_code(app, module, start_worker, tmp_path):
    name, write = module
    app.sync(write("old"))
    held = app.task(__import__(name).held_word).delay(str(tmp_path))
    waits = app.task(word_of(name)).delay()
    start_worker("-c", "1")
    wait_until((tmp_path / "started").exists, "it runs")
    app.sync(write("new"))
    new = app.task(word_of(name)).delay()

    (tmp_path / "go").touch()

    assert [result.get(10) for result in (held, waits, new)] == ["old", "old", "new"]


def test_what_a_task_sends_has_its_packages(app, module, start_worker):
    name, write = module
    start_worker("-c", "1")
    app.sync(write("deep"))
    inner = app.task(word_of(name), name="inner")

    assert app.task(lambda: inner.delay().get(), name="outer").delay().get(10) == "deep"


def test_processes_that_are_fresh_interpreters_import_it_too(app, module, start_worker):
    name, write = module
    start_worker("-c", "2", "--start-method", "forkserver")
    app.sync(write("fresh"))

    assert app.task(word_of(name)).delay().get(10) == "fresh"


def test_a_package_that_is_no_longer_stored_is_told(app, module, start_worker, server):
    name, write = module
    app.sync(write("lost"))
    server.client().delete(app.store.keys.package(app.packages[name]))
    start_worker("-c", "1")

    with pytest.raises(RemoteError, match=rf"package '{name}' of task .* is no longer stored"):
        app.task(word_of(name)).delay().get(10)


def test_what_is_not_signed_as_a_package_is_refused(app, module, start_worker, server):
    name, write = module
    app.sync(write("true"))
    key, client = app.store.keys.package(app.packages[name]), server.client()
    result = app.task(word_of(name)).delay()
    (code,) = client.scan_iter(f"{app.store.keys.prefix}fn:*")
    client.set(key, client.get(code), ex=60)
    start_worker("-c", "1")

    with pytest.raises(BadSignature, match=f"package {name!r}"):
        result.get(10)
    assert states(app, result) == b"F"
    app.sync(write("true"))
    assert app.task(word_of(name)).delay().get(10) == "true"
