"""What becomes of an archive when who feeds it, Redis or the database is gone for a while."""

import os
import signal
import subprocess
import sys
import uuid
from contextlib import suppress

import pytest
from patience import wait_until
from sqlalchemy import create_engine, text
from workers import KEY

from nbtasks import App, ArchiveUnavailable, ConfigError, TaskState, UnknownTask
from nbtasks.archive import schema
from nbtasks.archive.following import Follower
from nbtasks.store import tidings

pytestmark = pytest.mark.filterwarnings("ignore::nbtasks.NoWorkerWarning")


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path}/runs.db"


@pytest.fixture
def kept(app, url):
    archive = app.archive(url)
    archive.catch_up()
    yield archive
    archive.close()


@pytest.fixture
def feed(app, url, tmp_path):
    """Start a process that feeds the archive; those that still run end with the test."""
    processes = []

    def start(*options):
        command = [sys.executable, "-m", "nbtasks", "archive", url, "-b", app.config.url]
        with (tmp_path / "archive.log").open("ab") as log:
            processes.append(
                subprocess.Popen(
                    [*command, "-a", app.config.name, *options],
                    env={**os.environ, "NBTASKS_KEY": KEY}, stdout=log, stderr=log, cwd=tmp_path,
                )
            )  # fmt: skip
        return processes[-1]

    yield start
    for process in processes:
        process.kill()
        process.wait()


@pytest.fixture
def send(app):
    """Send tasks that wait for long; they are revoked after the test."""
    sent = []

    def send(value, sender=app):
        sent.append(echo(sender).apply_async((value,), countdown=100))
        return sent[-1]

    yield send
    for result in sent:
        with suppress(UnknownTask):
            app.AsyncResult(result.id).revoke()


def echo(app):
    @app.task
    def echo(value):
        return value

    return echo


def is_whole(kept, count):
    """Whether all tasks are there once, with all that was told of them."""
    found = kept.tasks(limit=count + 1)
    whole = [task for task in found if task.args == task.result and task.received and task.done]
    return len(whole) == len(found) == count


@pytest.mark.usefixtures("worker")
def test_an_archivist_that_is_killed_leaves_no_gap_and_no_double(app, kept, feed):
    task = echo(app)
    groups = []
    for number in range(3):
        process = feed()
        groups.append(task.map_async(range(number * 1000, number * 1000 + 400)))
        wait_until(lambda: sum(kept.counts().values()) > number * 400, "some is written")  # noqa: B023 - called here
        os.kill(process.pid, signal.SIGKILL)
    for group in groups:
        group.get(20)
    kept.catch_up()
    assert is_whole(kept, 1200)
    assert kept.counts() == {TaskState.SUCCESS: 1200}


@pytest.mark.usefixtures("worker")
def test_several_archivists_write_each_event_once(app, kept, feed, tmp_path):
    several = [feed() for _ in range(3)]
    log = tmp_path / "archive.log"
    wait_until(lambda: log.read_text().count("keeps the tasks") == 3, "all have come up")
    group = echo(app).map_async(range(1000))
    group.get(20)
    wait_until(lambda: is_whole(kept, 1000), "all is written")
    for process in several:
        process.terminate()
    assert [process.wait(15) for process in several] == [0, 0, 0]


@pytest.mark.usefixtures("worker")
def test_what_happens_while_nobody_feeds_it_is_read_later(app, kept, feed):
    results = [echo(app).delay(number) for number in range(20)]
    for result in results:
        result.get(10)
        result.forget()
    assert feed("--once").wait(20) == 0
    assert is_whole(kept, 20)


def test_what_redis_has_lost_is_marked(app, kept, server, send):
    result = send(1)
    kept.catch_up()
    with server.client() as client:
        for key in client.scan_iter(f"{app.store.keys.prefix}*"):
            client.delete(key)
    app._redrive.drop(result.id)
    kept.catch_up()
    (task,) = kept.tasks()
    assert (task.state, task.is_missing) == ("PENDING", True)
    assert kept.purge(-1) == 1


def test_it_hears_of_tasks_again_after_redis_has_lost_everything(app, kept, server, monkeypatch):
    monkeypatch.setattr(tidings, "AGAIN_MS", 100)
    with kept:
        with server.client() as client:
            for key in client.scan_iter(f"{app.store.keys.prefix}*"):
                client.delete(key)
        result = echo(app).apply_async((1,), countdown=100)
        wait_until(kept.counts, "it is read")
    assert kept.task(result.id).state == "PENDING"
    result.revoke()


def test_events_that_nobody_can_read_end_nothing(app, kept, send):
    app.store.call("XADD", f"{app.store.keys.prefix}ev", "*", "#", "1", "7", "f", "2", "x", "y", "")
    result = send(1)
    kept.catch_up()
    assert [task.id for task in kept.tasks()] == [result.id]


def test_a_thread_may_feed_it(kept, send):
    with kept:
        result = send(1)
        wait_until(kept.tasks, "it is written")
        with pytest.raises(ConfigError, match="stop"):
            kept.catch_up()
    assert kept.task(result.id).args == "1"


def test_who_comes_second_writes_nothing(kept):
    place = kept._database.place()
    assert kept._database.write(place.position, "1-1/7")
    assert not kept._database.write(place.position, "1-1/8")
    assert kept._database.place().position == "1-1/7"


def test_a_fill_that_was_interrupted_is_done_again(kept, send):
    result = send(1)
    place = kept._database.place()
    assert kept._database.write(place.position, f"?{place.position}")
    kept.catch_up()
    assert (kept.task(result.id).args, kept._database.place().position[0] != "?") == ("1", True)


def test_a_database_that_is_not_there_is_tried_again(app, tmp_path, send):
    archive = app.archive(f"sqlite:///{tmp_path}/missing/runs.db")
    with pytest.raises(ArchiveUnavailable, match="cannot be used: unable to open database file"):
        archive.tasks()
    with archive:
        (tmp_path / "missing").mkdir()
        result = send(1)
        wait_until(archive.tasks, "it is written")
        assert archive.task(result.id).name
    archive.close()


def test_passwords_are_not_shown(app):
    archive = app.archive("postgresql://user:secret@localhost:1/name")
    with pytest.raises(ArchiveUnavailable) as caught:
        archive.tasks()
    assert "secret" not in f"{caught.value!r} {caught.value} {archive!r} {app.config!r}"
    archive.close()


def test_nothing_that_is_encrypted_is_written_in_plain(server, app, tmp_path, send):
    word = uuid.uuid4().hex
    secret = App(app.config.name, broker=server.url, key=KEY, encrypt=True)
    archive = secret.archive(f"sqlite:///{tmp_path}/secret.db")
    archive.catch_up()
    result = send(word, secret)
    archive.catch_up()
    assert archive.task(result.id).args is None
    assert archive.arguments(result.id) == ((word,), {})
    archive.close()
    secret.close()
    assert not any(word.encode() in file.read_bytes() for file in tmp_path.glob("secret.db*"))


def test_tables_of_a_newer_version_are_refused(kept, url):
    with create_engine(url).begin() as connection:
        connection.execute(text("update nbtasks_meta set value='99' where name='version'"))
    kept.close()
    with pytest.raises(ConfigError, match="version 99"):
        kept.tasks()


def test_older_tables_are_brought_up_to_date(url, kept, monkeypatch):
    step = ["create table more (x integer)", "insert into more values (7)"]
    monkeypatch.setattr(schema, "MIGRATIONS", (step,))
    kept.close()
    assert kept.tasks() == []
    with create_engine(url).begin() as connection:
        assert connection.execute(text("select x from more")).scalar() == 7
        assert connection.execute(text("select value from nbtasks_meta")).scalar() == "2"
    kept.close()
    assert kept.tasks() == []


def test_a_follower_goes_on_where_it_was_interrupted(app, kept, send):
    connection = app.connection
    follower = Follower(kept._database, connection.store, connection.signer, app.codec)
    send(1)
    assert follower.step(10) == 1
    follower.close()
    assert follower.step(10) == 0
    follower.close()
