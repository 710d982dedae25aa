"""The command line as such: what it imports, and what it says of a wrong word."""

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from click.testing import CliRunner

from nbtasks import cli
from nbtasks.cli import control
from nbtasks.cli.service import choose_queues, service_name
from nbtasks.cli.tables import make_table
from nbtasks.config import Config
from nbtasks.errors import ConfigError
from nbtasks.orders import VERBS

HEAVY = ("nbtasks.app", "nbtasks.store", "nbtasks.worker", "redis", "IPython", "rich")


def run(*words):
    return CliRunner().invoke(cli.commands, words, env={"NBTASKS_KEY": "k" * 32})


def test_help_names_all_commands_and_imports_none_of_them():
    code = (
        "import sys\nfrom nbtasks.cli import commands\n"
        "commands(['--help'], standalone_mode=False)\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    command = [sys.executable, "-c", code]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert [name for name in cli.COMMANDS if f"\n  {name} " not in told] == []
    assert told.splitlines()[-1] == "[]"


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_each_command_has_a_module_of_its_name(name):
    assert Path(import_module(f"nbtasks.cli.{name}").__file__).stem == name
    assert run(name, "--help").exit_code == 0


def test_a_word_that_is_no_command_is_told_the_nearest_one():
    done = run("doctors")
    assert done.exit_code == 2
    assert "there is no command 'doctors': did you mean 'doctor'?" in done.output


def test_a_command_of_celerys_that_is_not_here_says_what_to_use():
    assert "as of systemd" in run("multi").output


def test_a_redis_that_is_away_is_one_line_and_code_69(monkeypatch):
    monkeypatch.setenv("NBTASKS_PATIENCE_MS", "1")
    done = run("-b", "redis://127.0.0.1:1", "status")
    assert done.exit_code == 69
    assert len(done.output.splitlines()) == 1


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["call", "x", "-a", "2"], "it must be a list"),
        (["call", "x", "-k", "{"], "is no JSON"),
        (["call", "x", "--eta", "soon"], "write a time such as"),
        (["revoke"], "say which"),
        (["control", "pool_grwo"], "did you mean 'pool_grow'"),
        (["control", "revoke", "x"], "`nbtasks revoke ID`"),
        (["control", "autoscale"], "write nbtasks control autoscale MAX [MIN]"),
        (["inspect", "active", "x"], "query_task takes the IDs"),
        (["inspect", "nothing"], "is not one of"),
        (["revoke", "--stamp", "x"], "write a name and a value"),
        (["status", "-b", "nonsense"], "nonsense"),
        (["--workdir", "/no/such/place", "status"], "No such file"),
    ],
    ids=[
        "args",
        "kwargs",
        "eta",
        "no id",
        "verb",
        "elsewhere",
        "few",
        "ids",
        "look",
        "stamp",
        "url",
        "workdir",
    ],
)
def test_what_is_typed_wrong_ends_with_code_2(words, says):
    done = run(*words)
    assert (done.exit_code, says in done.output) == (2, True), done.output


def test_workers_can_be_told_all_that_they_know():
    assert set(control.OF_WORKERS) == set(VERBS)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_installed_where_the_shell_looks(shell, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert run("completion", shell, "--install").exit_code == 0
    (found,) = [path for path in tmp_path.rglob("*nbtasks*") if path.is_file()]
    assert "_NBTASKS_COMPLETE" in found.read_text()


def test_a_report_has_no_secret(monkeypatch):
    monkeypatch.setenv("NBTASKS_PATIENCE_MS", "1")
    done = run("report", "-b", "redis://me:hush@127.0.0.1:1")
    assert done.exit_code == 0
    assert "hush" not in done.output
    assert "k" * 32 not in done.output
    assert "redis://me:***@127.0.0.1:1" in done.output


def test_a_table_has_no_more_columns_than_there_is_room_for():
    table = make_table(("a", "b"), [("\x1b[31mred", "2")], rare=("b",), numbers=("b",))
    assert table.text() == "a    b\nred  2"
    assert table.fitting(4).columns == ["a"]


def test_a_worker_is_called_after_its_host(monkeypatch):
    monkeypatch.setattr("socket.gethostname", lambda: "gpu7.lab.example")
    assert service_name("w1@%h", "worker") == "w1@gpu7.lab.example"
    assert service_name("%n.w2@%d", "worker") == "gpu7.w2@lab.example"
    assert service_name("", "beat").startswith("beat-")
    with pytest.raises(ConfigError, match="has '%i': write %h, %n, %d"):
        service_name("w%i", "worker")
    with pytest.raises(ConfigError, match="'a%b' is not a name"):
        service_name("a%%b", "worker")


def test_queues_are_left_out():
    config = Config(task_queues=("a", "b", "c"))
    assert choose_queues("", "b", config) == ("a", "c")
    assert choose_queues("c, a,c", "", config) == ("c", "a")
    with pytest.raises(ConfigError, match="leaves no queue: the worker would take from b"):
        choose_queues("b", "a,b", config)
    with pytest.raises(ConfigError, match=r"queue 'x\*'"):
        choose_queues("a", "x*", config)
