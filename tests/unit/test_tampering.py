"""Changed messages and results are refused, and none is unpickled: `make fuzz` does many more."""

import pytest
from fuzz.messages import fuzz_messages
from fuzz.mutants import MODES
from fuzz.values import fuzz_results

COUNT = 700


@pytest.fixture(autouse=True)
def importable(monkeypatch, pytestconfig):
    """The sides under test are processes of their own."""
    root = pytestconfig.rootpath
    monkeypatch.setenv("PYTHONPATH", f"{root}:{root / 'tests'}")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("seed", [11, 12])
def test_changed_messages_are_refused_by_a_child_and_none_is_unpickled(mode, seed):
    found = fuzz_messages(COUNT, seed, mode)
    assert (found["accepted"], found["seen"], found["crashes"]) == (0, [], 0), found
    assert sum(found["ways"].values()) == COUNT
    # The hook does see what genuine messages unpickle.
    assert any("Fraction" in line for line in found["control"]) == (mode != "json")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("seed", [11, 12])
def test_changed_results_are_refused_by_a_client_and_none_is_unpickled(mode, seed, server):
    found = fuzz_results(COUNT, seed, mode, server.url)
    assert (found["accepted"], found["seen"], found["crashes"]) == (0, [], 0), found
    assert found["ways"]["genuine accepted"] == 6
    assert any("Fraction" in line for line in found["control"]) == (mode != "json")
