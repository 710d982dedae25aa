"""Whatever a user can name stands in the reference."""

from pathlib import Path

import click
import pytest

import nbtasks
from nbtasks import testing
from nbtasks.cli import commands
from nbtasks.config import KINDS
from nbtasks.notebook.vocabulary import (
    BROKER_OPTIONS,
    TASK_OPTIONS,
    TASKS_COMMANDS,
    TASKS_OPTIONS,
    WORKERS_COMMANDS,
    WORKERS_OPTIONS,
)
from nbtasks.signature import OPTIONS

MAGICS = (*BROKER_OPTIONS, *TASK_OPTIONS, *TASKS_OPTIONS, *WORKERS_OPTIONS)
REFERENCE = Path(__file__).parents[2] / "docs" / "reference"


def page(name: str) -> str:
    return (REFERENCE / f"{name}.md").read_text("utf-8")


@pytest.mark.parametrize("name", [*nbtasks.__all__, *testing.__all__])
def test_every_exported_name_is_in_the_reference(name):
    assert f"`{name}`" in page("python") + page("errors")


@pytest.mark.parametrize("name", KINDS)
def test_every_setting_is_in_the_reference(name):
    assert f"`{name}`" in page("settings")


@pytest.mark.parametrize("name", OPTIONS)
def test_every_call_option_is_in_the_reference(name):
    assert f"`{name}`" in page("python")


@pytest.mark.parametrize(
    "option",
    sorted({f"--{option.long}" for option in MAGICS}),
)
def test_every_magic_option_is_in_the_reference(option):
    assert option in page("magics")


@pytest.mark.parametrize("word", sorted({*TASKS_COMMANDS, *WORKERS_COMMANDS}))
def test_every_word_of_a_magic_is_in_the_reference(word):
    assert f"| `{word}" in page("magics")


def all_commands():
    """Every command and every command of a group, by the words that call it."""
    found = {}
    context = click.Context(commands)
    for name in commands.list_commands(context):
        found[name] = command = commands.get_command(context, name)
        for word, inner in getattr(command, "commands", {}).items():
            found[f"{name} {word}"] = inner
    return found


@pytest.mark.parametrize("words", sorted(all_commands()))
def test_every_command_and_its_options_are_in_the_reference(words):
    text = page("cli")
    assert f"`nbtasks {words}" in text
    for parameter in all_commands()[words].params:
        for name in parameter.opts:
            assert not name.startswith("--") or f"`{name}`" in text
