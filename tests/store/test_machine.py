"""All scripts in any order, against a model: what must hold whatever happens."""

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from machine import Machine

STORM = settings(
    max_examples=60,
    stateful_step_count=40,
    derandomize=True,
    database=None,
    phases=[Phase.generate],  # to make a failure smaller takes minutes
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)


def test_whatever_happens_the_store_does_what_the_model_does(server):
    Machine.server = server
    run_state_machine_as_test(Machine, settings=STORM)
