"""The log of a worker: what tasks log stands in it, each line with its task."""

import json
import logging

import pytest
from patience import wait_until

from nbtasks.loglines import get_task_logger

pytestmark = pytest.mark.slow

WAYS = {
    "fork": (),
    "spawn": ("--start-method", "spawn"),
    "solo": ("-P", "solo"),
}
OWN_FORMAT = """
import logging
from nbtasks import App
app = App()
logging.basicConfig(format="mine %(task_id)s %(message)s")
"""
OWN_SETUP = """
import logging, sys
from nbtasks import App, signals
app = App()

@signals.setup_logging.connect
def set_up(loglevel, **_):
    logging.basicConfig(format="own %(message)s", level=loglevel, stream=sys.stderr)

@signals.after_setup_logger.connect
def never(**_):
    raise AssertionError
"""


@pytest.fixture(autouse=True)
def tasks_are_told_of(monkeypatch):
    monkeypatch.setenv("NBTASKS_WORKER_LOG_TASKS", "1")


@pytest.fixture
def say(app):
    def say(word):
        logging.getLogger("mine").warning("%s plain", word)
        get_task_logger("tasks").info("%s of a task", word)
        print(word, "printed")  # noqa: T201 - the task prints

    return app.task(say, name="say")


@pytest.mark.parametrize("way", WAYS)
def test_lines_of_tasks_are_on_their_cards_and_with_their_ids_in_the_log(say, start_worker, way):
    worker = start_worker("-c", "1", *WAYS[way])
    result = say.delay("hello")
    result.get(20)
    lines = [line.partition(" ")[2].partition(" ")[2] for line in result.log.splitlines()]
    assert lines[:2] == ["WARNING hello plain", "INFO hello of a task"]
    wait_until(lambda: f"INFO say[{result.id}]: hello of a task" in worker.text(), "it is logged")
    assert worker.text().count(f"WARNING say[{result.id}]: hello plain") == 1
    assert worker.text().count("of a task") == 1


def test_json_lines_go_to_a_file_that_may_be_moved_away(say, start_worker, tmp_path):
    start_worker("-c", "1", "--log-json", "--logfile", "%n.log", "-n", "w1@host")
    file, moved = tmp_path / "w1.log", tmp_path / "moved"
    first = say.delay("first")
    first.get(20)
    wait_until(lambda: "first of a task" in file.read_text(), "the file has it")
    file.rename(moved)
    say.delay("second").get(20)
    wait_until(lambda: file.exists() and "second of a task" in file.read_text(), "so has the next")
    lines = [json.loads(line) for line in moved.read_text().splitlines()]
    (told,) = [line for line in lines if line["message"] == "first of a task"]
    assert (told["task_id"], told["task_name"], told["level"]) == (first.id, "say", "INFO")
    assert {line["worker"] for line in lines} == {"w1@host"}
    assert {line["logger"] for line in lines} >= {"tasks", "mine", "nbtasks.worker.worker"}


def test_unless_asked_for_what_tasks_log_is_not_in_the_log(say, start_worker, monkeypatch):
    monkeypatch.delenv("NBTASKS_WORKER_LOG_TASKS")
    worker = start_worker("-c", "1")
    result = say.delay("hello")
    result.get(20)
    assert "hello of a task" in result.log
    worker.stop()
    assert "hello" not in worker.text()


def test_an_exception_that_a_task_logs_is_in_one_json_line(app, start_worker, monkeypatch):
    monkeypatch.setenv("NBTASKS_WORKER_LOG_JSON", "1")
    worker = start_worker("-c", "1")

    def fall():
        try:
            {}["deep\ndown"]
        except KeyError:
            logging.getLogger("mine").exception("fell")

    app.task(fall, name="fall").delay().get(20)
    wait_until(lambda: "fell" in worker.text(), "it is logged")
    (told,) = [line for line in map(json.loads, worker.text().splitlines()) if line["exc"]]
    assert (told["message"], "KeyError" in told["exc"]) == ("fell", True)


@pytest.mark.parametrize("hijacks", ["1", "0"])
def test_the_root_logger_of_a_program_is_taken_over_or_left(
    say, start_worker, tmp_path, monkeypatch, hijacks
):
    (tmp_path / "ownformat.py").write_text(OWN_FORMAT)
    monkeypatch.setenv("NBTASKS_WORKER_HIJACK_ROOT_LOGGER", hijacks)
    worker = start_worker("-A", "ownformat", "-c", "1")
    result = say.delay("hello")
    result.get(20)
    worker.stop()
    assert ("\nmine " in f"\n{worker.text()}") == (hijacks == "0")
    assert (f"mine {result.id} hello plain" in result.log) == (hijacks == "0")


def test_a_program_may_set_up_all_of_it(say, start_worker, tmp_path):
    (tmp_path / "ownsetup.py").write_text(OWN_SETUP)
    worker = start_worker("-A", "ownsetup", "-c", "1")
    result = say.delay("hello")
    result.get(20)
    assert "own hello plain" in result.log
    assert worker.text().startswith("own worker ")


def test_what_is_to_be_a_log_and_cannot_is_said_at_once(start_worker, tmp_path):
    worker = start_worker("--logfile", str(tmp_path / "nowhere" / "log"), wait=False)
    assert worker.process.wait(20) == 2
    assert "No such file or directory" in worker.text()
