"""Jupyter's traps: which rule keeps us out of each, and which test fails without the rule.

The tests named here that run cells are repeated with other ipykernels by `make test-kernels`.
"""

from pathlib import Path

import pytest
from patience import wait_until

FOLDER = Path(__file__).parents[1]
TRAPS = {
    "what a thread prints lands in any cell, or nowhere: never print from a thread": [
        "notebook/test_kernel.py::test_what_a_task_prints_never_lands_in_a_cell",
        "notebook/test_board_deeds.py::test_a_cancel_that_fails_says_so_on_the_button_and_prints_nothing",
    ],
    "an update with a pinned parent is lost under nbclient: update by display id": [
        "notebook/test_kernel.py::test_a_board_that_nobody_waits_for_becomes_static_by_itself",
        "notebook/test_programs.py::test_nbclient_saves_the_end_of_tasks_that_nobody_waited_for",
    ],
    "a click comes late, or in another thread: clicks are thread-safe, interrupts always work": [
        "notebook/test_traps.py::test_a_click_while_a_cell_waits_is_heard_at_the_latest_after_it",
        "notebook/test_board_deeds.py::test_a_click_from_another_thread_is_served",
    ],
    "an idle loop sees an interrupt late, as CancelledError: an await ticks, and revokes": [
        "notebook/test_interrupts.py::test_an_interrupt_ends_the_wait_and_revokes_the_task",
        "notebook/test_interrupts.py::test_an_interrupt_while_an_await_has_a_time_limit_revokes",
    ],
    "a server drops what is above 1,000 messages or 1 MB a second: one board, deltas, a budget": [
        "notebook/test_board.py::test_all_boards_together_stay_within_sixty_messages_a_second",
        "notebook/test_traps.py::test_a_flood_of_tasks_is_few_messages",
    ],
    "each widget stores its source: one widget for a cell, never one for a task": [
        "notebook/test_kernel.py::test_a_board_is_one_widget_and_ends_as_a_static_picture",
    ],
    "a saved widget is blank: the end is static, where no front end is known from the start": [
        "notebook/test_kernel.py::test_a_board_is_one_widget_and_ends_as_a_static_picture",
        "notebook/test_board.py::test_auto_is_a_board_where_a_front_end_has_a_notebook",
        "notebook/test_quickstart.py::test_what_is_saved_of_a_notebook_is_final",
    ],
    "nbval compares all but updates: with NBTASKS_UI=text stable text, displayed at the end": [
        "notebook/test_kernel.py::test_stable_text_has_no_id_time_or_host",
        "notebook/test_kernel.py::test_a_stable_traceback_says_not_where_or_how_long",
        "notebook/test_programs.py::test_papermill_sets_parameters_and_gives_the_same_bytes_twice",
    ],
    "IPython expands braces and keeps quotes: shlex, and no expansion": [
        "notebook/test_traps.py::test_quotes_comments_braces_and_dollars_are_taken_as_they_are",
    ],
    "other completers mix in: a matcher that has the line for itself": [
        "notebook/test_commands.py::test_the_tab_key_offers_options_and_values",
        "notebook/test_commands.py::test_the_tab_key_is_left_to_others_elsewhere",
    ],
    "asyncio.run fails where a loop runs: one thread with a blocking client": [
        "notebook/test_traps.py::test_everything_that_waits_works_while_the_loop_of_the_kernel_runs",
        "notebook/test_kernel.py::test_a_result_can_be_awaited",
    ],
    # Threads inherit a context on free-threaded Python only: elsewhere this cannot fail.
    "threads inherit the context of a cell: they start with a fresh one": [
        "notebook/test_traps.py::test_our_threads_have_nothing_of_the_context_of_a_cell",
    ],
    "offline the base of a widget is not loaded: HTML has all there is": [
        "notebook/test_board.py::test_a_board_is_one_widget_with_html_and_text_beside_it",
        "browser/test_hostile_page.py::test_hostile_text_adds_no_element_no_dialog_and_no_request",
    ],
}
HOLD = """
import asyncio
def hold(flag):
    import threading
    open(flag, "w").close()
    threading.Event().wait(30)
"""


@pytest.mark.parametrize("trap", TRAPS)
def test_each_trap_has_tests(trap):
    for place in TRAPS[trap]:
        path, _, name = place.partition("::")
        assert f"def {name}(" in (FOLDER / path).read_text(), place


def test_a_click_while_a_cell_waits_is_heard_at_the_latest_after_it(kernel, tmp_path):
    flag = tmp_path / "flag"
    kernel.ok(f"{HOLD}\nflag = {str(flag)!r}")
    kernel.ok("%%task idle -q nobody\n1")
    board = kernel.widgets[-1]
    cell = kernel.start("%%task busy -b\nhold(flag)")
    wait_until(lambda: kernel.read() and flag.exists(), "a worker runs it")

    kernel.click(board, {"t": "cancel", "id": "a", "i": None})
    kernel.manager.interrupt_kernel()

    assert kernel.finish(cell).error == "KeyboardInterrupt"
    assert "TaskRevoked" in kernel.ok("idle.get(9, propagate=False)").value


def test_a_flood_of_tasks_is_few_messages(kernel):
    kernel.messages = 0
    kernel.ok("%%task flood -b --for n in range(2000)\nprint(n)")

    assert kernel.messages < 200


def test_quotes_comments_braces_and_dollars_are_taken_as_they_are(kernel):
    kernel.ok("price = 7")
    kernel.ok("%%task -b --tag 'two words'  # and a comment\nf'{price}', '{price}', '$price'")

    assert kernel.ok("_task.get()").value == "('7', '{price}', '$price')"
    listed = kernel.ok("%tasks --tag 'two words'").displays[0]["text/plain"]
    assert listed.startswith("1 task of this notebook")


def test_everything_that_waits_works_while_the_loop_of_the_kernel_runs(kernel):
    kernel.ok("%%task many --for n in range(3)\nn")
    code = "many.get(), [one.get() for one in many.as_completed()]"

    found = kernel.ok(f"import asyncio\nawait asyncio.sleep(0)\n{code}")

    assert found.value.startswith("([0, 1, 2], [")
    again = "sorted([await one async for one in many.as_completed()]), await many[2]"
    assert kernel.ok(again).value == "([0, 1, 2], 2)"


def test_our_threads_have_nothing_of_the_context_of_a_cell(kernel):
    kernel.ok("import contextvars, threading\nvar = contextvars.ContextVar('var')\nseen = []")
    kernel.ok("%broker --close\n%broker --start 1")
    kernel.ok("var.set('of a cell')\none = %task -- 1")
    kernel.ok(
        "one.then(lambda _: seen.append((var.get('nothing'), threading.current_thread().name)))"
    )
    kernel.ok("one.get()")

    wait_until(lambda: kernel.ok("seen").value != "[]", "it was called")
    # Where the task had ended by then, it was called at once, and here.
    assert "'nothing'" in kernel.ok("seen").value or "MainThread" in kernel.ok("seen").value
