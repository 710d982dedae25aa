"""The command line as such: what it imports, and what it says of a wrong word."""

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from click.testing import CliRunner

from nbtasks import cli

HEAVY = ("nbtasks.app", "nbtasks.store", "nbtasks.worker", "redis", "IPython", "rich")


def run(*words):
    return CliRunner().invoke(cli.commands, words)


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
