"""What a running task sends to be waited for: in its own place, or by the body of its chord."""

from typing import Any, NoReturn

from nbtasks.app import current_app
from nbtasks.context import Replaced
from nbtasks.plan import Plan
from nbtasks.replacing import check_canvas, inputs_of, mark, no_chord
from nbtasks.worker.library import SliceRun


def replace(run: SliceRun, index: int, signature: Any) -> NoReturn:
    """Send what goes on in the place of a member, and end that.

    Raises:
        Replaced: In the end.
        ConfigError: It is no canvas, or there is nothing in it to run.
    """
    plan = _compile(run, index, signature)
    _send(run, index, plan)
    raise Replaced(plan)


def add_to_chord(run: SliceRun, index: int, signature: Any) -> None:
    """Send what the body of a member's chord is to wait for and take, too.

    Raises:
        ConfigError: It is no canvas, there is nothing in it to run, or the member is in no chord.
    """
    plan = _compile(run, index, signature)
    store, rid = current_app().store, run.work.rid
    if store.join(rid, index) <= 0:
        raise no_chord(run.work.task_id(index))
    _send(run, index, plan)
    inputs = inputs_of(plan)
    number, note = run.note(index, inputs)
    store.join(rid, index, number, inputs.sources, note)


def _compile(run: SliceRun, index: int, signature: Any) -> Plan:
    request = run.request(index)
    plan = current_app().compile(check_canvas(signature))
    mark(plan, signature, group_id=request.group or "", stamps=request.stamps)
    return plan


def _send(run: SliceRun, index: int, plan: Plan) -> None:
    request = run.request(index)
    current_app().send(plan, root_id=request.root_id, parent_id=request.id)
