"""One byte a member: Python and Lua judge by the same rule."""

import re
from importlib.resources import files

import pytest

from nbtasks import states
from nbtasks.states import STATES, TaskState, is_finished

LUA = files("nbtasks.store") / "lua" / "_base.lua"


@pytest.mark.parametrize(("code", "state"), STATES.items(), ids=str)
def test_lower_case_is_unfinished_and_upper_case_is_finished(code, state):
    assert is_finished(code) == chr(code).isupper()
    ends = {TaskState.SUCCESS, TaskState.FAILURE, TaskState.REVOKED, TaskState.IGNORED}
    assert is_finished(code) == (state in ends)


def test_every_state_has_a_byte_of_its_own():
    assert len(STATES) - 1 == len(set(STATES.values()))
    assert STATES[states.WAITING] is STATES[states.PENDING]  # nobody is told what it waits for
    assert set(TaskState) - set(STATES.values()) == {TaskState.PROGRESS}


def test_lua_has_the_same_bytes():
    lines = re.findall(r"local ([A-Z, ]+, [A-Z]+) = ('\w', .*)\n", LUA.read_text("utf-8"))
    found = {
        getattr(states, name): ord(byte.strip("'"))
        for names, known in lines
        for name, byte in zip(names.split(", "), known.split(", "), strict=True)
    }
    assert found == {code: code for code in STATES}


def test_lua_has_the_same_border_between_unfinished_and_finished():
    border = int(re.search(r"FIRST_UNFINISHED = (\d+)", LUA.read_text("utf-8"))[1])
    assert all(is_finished(code) == (code < border) for code in range(256))


def test_a_state_is_its_name():
    assert TaskState.PENDING == "PENDING"
    assert f"{TaskState.SUCCESS}" == "SUCCESS"
