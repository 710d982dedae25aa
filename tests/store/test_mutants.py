"""Faults planted in the scripts: the machine, or the test of that rule, must find each of them."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from machine import Machine
from planted import mutants

from nbtasks.errors import StoreError
from nbtasks.store.scripts import SCRIPTS

HERE = Path(__file__).parent

HUNT = settings(
    max_examples=500,
    stateful_step_count=40,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)

MUTANTS = {
    "a repeated chunk is stored again": ("elseif stored ~= from then", "elseif false then"),
    "`left` is not lowered": ("'left', -count)", "'left', 0)"),
    "a lost lease stays": (
        "drop_lease(lease)\n  local name",
        "local name",
    ),
    "a retry is not scheduled": ("enqueue_later(rid, i, i + 1, due)", ""),
    "a take does not look at the state": (
        "string.find(old, '[' .. PENDING .. RETRY .. ']+')",
        "string.find(old, '.+')",
    ),
    "what is given back is not queued": ("if string.find(new, PENDING, 1, true)", "if false"),
    "code is not let go": ("release_code(code_of(header))", ""),
    "an unfinished record is forgotten": ("if tonumber(found[1]) > 0 or", "if false or"),
}


@pytest.fixture
def plant(monkeypatch: pytest.MonkeyPatch, server: Any) -> Any:
    """Replace a piece of the scripts' text, wherever it is; it must be somewhere."""

    def run(old: str, new: str) -> None:
        for script in mutants(old, new):
            with server.client() as client:
                client.script_load(script.text)  # a slip of the pen is no fault that may be found
            monkeypatch.setitem(SCRIPTS, script.name, script)

    return run


@pytest.mark.parametrize("name", MUTANTS)
def test_the_machine_finds(name, server, plant):
    plant(*MUTANTS[name])
    Machine.server = server
    with pytest.raises((AssertionError, KeyError, StopIteration, StoreError)):
        run_state_machine_as_test(Machine, settings=HUNT)


PLUGINS = ("-p", "planted", "-p", "pytest_timeout", "-p", "no:cacheprovider")
"""A bare pytest, which loads no others, starts in half the time."""

BARE = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}

RULES = {
    "a hand-in needs no lease": (
        "held = is_leased(lease)",
        "held = true",
        "exchange.py::test_invariant_2_another_token_counts_for_nothing",
    ),
    "a report needs no lease": (
        "or not is_leased(lease)",
        "",
        "control.py::test_invariant_2_a_report_without_the_lease_is_dropped",
    ),
    "a hand-in that comes again counts again": (
        "redis.call('GET', PREFIX .. name) == id",
        "false",
        "suspects.py::test_a_hand_in_that_comes_again_counts_once",
    ),
    "a worker takes any number of suspects": (
        "with_suspects and { '!', '' } or { '' }",
        "{ '!', '' }",
        "suspects.py::test_who_has_one_life_left_goes_to_a_worker_that_holds_no_other",
    ),
    "one death too many is allowed": (
        "if deaths < cap then",
        "if deaths <= cap then",
        "exchange.py::test_invariant_6_deliveries_are_capped",
    ),
    "neighbours of a suspect are blamed": (
        "has_run(rid, i) and not is_innocent",
        "has_run(rid, i)",
        "suspects.py::test_its_neighbours_are_not_blamed_for_the_worker_that_died_with_it",
    ),
    "a gap grants no grace": (
        "if grace > 0 then",
        "if false then",
        "suspects.py::test_after_a_gap_live_workers_have_the_time_of_a_heartbeat",
    ),
    "what is left of a slice is lost": (
        "redis.call('ZADD', queue, place, slice_name(rid, from + count, to))",
        "",
        "exchange.py::test_a_take_splits_a_slice_by_the_time_it_may_need",
    ),
    "nobody is woken": (
        "redis.call('ZADD', key, 0, '1') == 1",
        "false",
        "exchange.py::test_a_worker_that_leaves_something_wakes_the_next",
    ),
    "a busy worker takes a wake-up from the others": (
        "if is_free then",
        "if true then",
        "exchange.py::test_a_worker_that_is_not_free_leaves_the_wake_up_to_others",
    ),
    "what is queued during a take is not told": (
        "math.min(next_due(),",
        "math.min(",
        "canvas.py::test_who_makes_a_step_ready_for_later_while_taking_is_told_when",
    ),
    "a finished record stays for ever": (
        "redis.call('PEXPIRE', record_key(rid), keep)",
        "",
        "exchange.py::test_invariant_8_a_finished_record_gets_a_ttl",
    ),
    "a requeued member is not waited for": (
        "redis.call('HINCRBY', key, 'left', 1)",
        "2",
        "dead.py::test_a_task_that_is_queued_again_is_as_new",
    ),
    "a retry is not counted": (
        "redis.call('HINCRBY', record_key(rid), 'k' .. i, 1)",
        "",
        "exchange.py::test_a_member_that_failed_is_tried_again_when_it_is_due",
    ),
    "a chord waits for its whole header before it fails": (
        "one_failed(target, kind, rid, from + bad - 1)",
        "",
        "canvas.py::test_a_chord_fails_as_soon_as_one_of_its_header_does",
    ),
    "an errback is told of what a step has inherited": (
        "return body and not body.own",
        "return false",
        "canvas.py::test_an_errback_of_a_later_step_is_not_told_what_it_inherited",
    ),
    "an errback is told of a ChordError that a step has inherited": (
        "return body and not body.own",
        "return body and not (body.chord or body.own)",
        "canvas.py::test_an_errback_behind_a_body_is_not_told_what_that_has_passed_on",
    ),
    "an edge that fires is not counted": (
        "'wt' .. suffix, -1)",
        "'wt' .. suffix, 0)",
        "canvas.py::test_a_diamond_runs_its_end_once_with_both_values",
    ),
    "values are not held for those that take them": (
        "if tonumber(found[3] or 0) <= 0 then",
        "if true then",
        "canvas.py::test_values_stay_while_somebody_waits_for_them",
    ),
    "steps that are too many for one script are dropped": (
        "redis.call('ZADD', PREFIX .. 'spread', NOW, slice_name(rid_left, first, first + #left))",
        "",
        "canvas.py::test_a_long_chain_that_fails_is_ended_in_several_steps",
    ),
    "what runs again takes nothing along": (
        "    revive(nonce)",
        "",
        "canvas.py::test_a_failed_step_run_again_takes_what_hangs_on_it_along",
    ),
    "a commit that comes again queues what waits": (
        "elseif found[4] == '' then",
        "else",
        "canvas_joins.py::test_a_canvas_that_is_sent_twice_goes_on_as_if_it_were_sent_once",
    ),
    "what is added to a chord is added twice": (
        "redis.call('HSETNX', key, name, ARGV[5]) == 1",
        "redis.call('HSET', key, name, ARGV[5])",
        "canvas_joins.py::test_what_is_added_to_a_chord_is_waited_for_and_comes_last",
    ),
    "a source stays for a target that has ended": (
        "if redis.call('HINCRBY', key, 'ch', 1) > 0 then",
        "if redis.call('HINCRBY', key, 'ch', 1) then",
        "canvas_joins.py::test_an_earlier_task_expires_though_what_takes_its_value_has_failed",
    ),
    "a schedule entry is fired again for the same time": (
        "or found[2] ~= ARGV[3] or",
        "or",
        "entries.py::test_a_due_time_is_fired_once_whoever_fires_it",
    ),
    "an entry is retimed by who has read what it was before": (
        "if found[1] ~= ARGV[3] then",
        "if not ARGV[3] then",
        "entries.py::test_an_entry_is_retimed_by_who_has_read_it_as_it_is",
    ),
    "all who ask get the same entry to fire": (
        "redis.call('ZADD', due, NOW + tonumber(ARGV[3]), name)",
        "",
        "entries.py::test_who_asks_has_what_is_due_to_himself_for_a_while",
    ),
    "a failed run of an entry is not counted": (
        "redis.call('HINCRBY', key, 'bad', 1)",
        "0",
        "entries.py::test_failures_in_a_row_pause_an_entry",
    ),
    "who lost its lease may keep something": (
        "not clients or not is_leased(lease)",
        "not clients",
        "kept.py::test_invariant_2_without_the_lease_nothing_is_kept",
    ),
    "a checkpoint stays after a success": (
        "'()[' .. SUCCESS .. REVOKED .. IGNORED .. ']'",
        "'()[' .. REVOKED .. IGNORED .. ']'",
        "kept.py::test_a_checkpoint_goes_with_a_success_and_stays_after_a_failure",
    ),
    "parts of an earlier try stay behind those of a new one": (
        "redis.call('HSET', key, 'pc' .. i, at)",
        "redis.call('HSET', key, 'pc' .. i, math.max(at, count))",
        "kept.py::test_a_try_that_begins_anew_takes_the_place_of_the_last",
    ),
    "a gap between parts is closed": (
        "if at > count then",
        "if false then",
        "kept.py::test_a_part_behind_a_gap_is_not_taken_for_the_next_one",
    ),
}
"""Old text, new text, and the test that must fail: what the machine would need long for."""


@pytest.mark.parametrize("name", RULES)
def test_the_test_of_a_rule_fails_without_it(name):
    old, new, test = RULES[name]
    assert mutants(old, new)
    path = os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *PLUGINS, "-q", "--tb=line", HERE / f"test_{test}"],
        env={**os.environ, **BARE, "PLANTED": json.dumps([old, new]), "PYTHONPATH": path},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == pytest.ExitCode.TESTS_FAILED, done.stdout
    assert "user_script" not in done.stdout, "the fault is a slip of the pen"
