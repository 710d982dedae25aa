"""Faults planted in the scripts: the machine must find each of them."""

from hashlib import sha1
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from machine import Machine

from nbtasks.errors import StoreError
from nbtasks.store.scripts import SCRIPTS, Script

HUNT = settings(
    max_examples=150,
    stateful_step_count=40,
    derandomize=True,
    deadline=None,
    database=None,
    phases=[Phase.generate],
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)

MUTANTS = {
    "a repeated chunk is stored again": ("elseif stored ~= from then", "elseif false then"),
    "`left` is not lowered": ("'left', -count)", "'left', 0)"),
    "a lost lease stays": (
        "redis.call('ZREM', PREFIX .. 'lease', lease)\n  local name",
        "local name",
    ),
    "a retry is not scheduled": ("enqueue_later(rid, i, i + 1, due)", ""),
    "a take does not look at the state": (
        "string.find(old, '[' .. PENDING .. RETRY .. ']+')",
        "string.find(old, '.+')",
    ),
    "what is given back is not queued": ("if string.find(new, PENDING, 1, true)", "if false"),
    "code is not let go": ("release_code(code)", ""),
    "an unfinished record is forgotten": ("if tonumber(found[1]) > 0 then", "if false then"),
}


@pytest.fixture
def plant(monkeypatch: pytest.MonkeyPatch, server: Any) -> Any:
    """Replace a piece of the scripts' text, wherever it is; it must be somewhere."""

    def run(old: str, new: str) -> None:
        found = [script for script in SCRIPTS.values() if old in script.text]
        assert found, f"no script has {old!r} any more: plant this fault elsewhere"
        for script in found:
            text = script.text.replace(old, new)
            with server.client() as client:
                client.script_load(text)  # a slip of the pen is no fault that may be found
            digest = sha1(text.encode(), usedforsecurity=False).hexdigest()
            monkeypatch.setitem(SCRIPTS, script.name, Script(script.name, text, digest))

    return run


@pytest.mark.parametrize("name", MUTANTS)
def test_the_machine_finds(name, server, plant):
    plant(*MUTANTS[name])
    Machine.server = server
    with pytest.raises((AssertionError, KeyError, StopIteration, StoreError)):
        run_state_machine_as_test(Machine, settings=HUNT)
