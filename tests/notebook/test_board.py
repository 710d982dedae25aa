import pytest
from board_side import changes, record, succeed
from IPython.core.interactiveshell import InteractiveShell

from nbtasks.live import ErrorText, Progress
from nbtasks.notebook.feed import Feed, frequency
from nbtasks.notebook.live_view import FREEZE_AFTER_MS
from nbtasks.notebook.pace import Pace
from nbtasks.notebook.tally import Tally
from nbtasks.notebook.widget import join_modules, join_styles
from nbtasks.result.canvas import Canvas
from nbtasks.result.steps import Link, Step
from nbtasks.states import FAILURE, IGNORED, SUCCESS

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


def test_a_board_is_one_widget_with_html_and_text_beside_it(make, shown, wire):
    make(record(40)).show("board")

    (output,) = shown
    assert output["data"].keys() == {WIDGET_VIEW, "text/html", "text/plain"}
    assert len(wire.opened()) == 1


def test_the_first_change_after_idle_is_sent_at_once(make, thread, wire):
    one = record(40)
    make(one).show("board")
    one.begin(7, "w", 999_500)

    thread.flush(100.0)

    ((content, (data,)),) = wire.custom("d")
    assert changes(data) == [(7, 1, 255)]
    assert content["rows"][0]["i"] == 7


def test_further_changes_wait_for_their_turn_and_go_as_one(make, thread, wire):
    one = record(40)
    make(one).show("board")
    one.begin(0, "w", 1)
    thread.flush(100.0)
    succeed(one, 0, 1)

    wait = thread.flush(110.0)
    sent_early = len(wire.custom())
    thread.flush(110.0 + wait)

    assert wait == pytest.approx(1000 / 15 - 10)
    assert sent_early == 1
    assert changes(wire.custom()[1][1][0]) == [(0, 3, 255), (1, 3, 255)]


def test_an_idle_board_sends_nothing(make, thread, wire):
    make(record(40)).show("board")

    assert [thread.flush(now) for now in (100.0, 10_000.0)] == [None, None]
    assert wire.custom() == []


def test_each_message_has_the_next_number(make, thread, wire):
    one = record(40)
    make(one).show("board")
    for step in range(3):
        succeed(one, step)
        thread.flush(100.0 + 1000.0 * step)

    assert [content["seq"] for content, _ in wire.custom()] == [1, 2, 3]


def test_many_changes_go_as_a_snapshot(make, thread, wire):
    one = record(40)
    make(one).show("board")
    succeed(one, *range(30))

    thread.flush(100.0)

    ((content, (data,)),) = wire.custom("s")
    assert data == bytes([3] * 30 + [0] * 10 + [255] * 40)
    assert content["counts"][3] == 30


def test_a_changing_board_sends_a_keyframe_every_five_seconds(make, thread, wire):
    one = record(100)
    make(one).show("board")
    for step in range(12):
        succeed(one, step)
        thread.flush(1000.0 * step)

    assert [content["t"] for content, _ in wire.custom()] == list("dddddsddddsd")


def test_a_reload_gets_the_present_state(make, thread):
    one = record(40)
    board = make(one)
    board.show("board")
    succeed(one, 0)
    thread.flush(100.0)
    succeed(one, 1)

    state = board._widget.get_state()

    assert state["whole"]["seq"] == 1
    assert state["snapshot"][:3] == bytes([3, 3, 0])


def test_a_record_that_already_runs_is_shown_from_the_start(make, wire):
    one = record(40)
    one.begin(5, "w", 999_000)
    one.report(5, Progress(1, 2, "half"))
    make(one).show("board")

    (state,) = wire.opened()
    assert state["whole"]["rows"][0]["msg"] == "1 / 2 · half"


def test_a_resync_answers_with_a_snapshot(make, wire):
    make(record(40)).show("board")

    wire.clicks({"t": "resync", "id": "r1"})

    assert [content["t"] for content, _ in wire.custom()] == ["ack", "s"]


def test_who_comes_and_knows_all_is_told_no_more(make, thread, wire):
    one = record(40)
    make(one).show("board")
    wire.clicks({"t": "resync", "id": "r1", "seq": 0})
    succeed(one, 0)
    thread.flush(100.0)
    wire.clicks({"t": "resync", "id": "r2", "seq": 0})

    kinds = [content["t"] for content, _ in wire.custom()]
    assert (kinds[0], kinds[2:]) == ("ack", ["ack", "s"])


def test_the_final_state_is_sent_and_then_frozen(make, thread, wire, shown):
    one = record(2)
    make(one).show("board")
    succeed(one, 0, 1)

    wait = thread.flush(100.0)
    assert wire.custom()[-1][0]["done"] is True
    assert wait == FREEZE_AFTER_MS
    assert thread.flush(100.0 + wait) is None

    assert [output["update"] for output in shown] == [False, True]
    assert shown[1]["data"].keys() == {"text/html", "text/plain"}
    assert shown[0]["transient"] == shown[1]["transient"]
    kinds = [kind for kind, _, _ in wire.messages]
    assert kinds.count("comm_close") == kinds.count("comm_open") == 2


@pytest.mark.parametrize(("state", "stays_ms"), [(SUCCESS, 2_000.0), (FAILURE, 30_000.0)])
def test_what_has_failed_stays_live_longer_so_that_it_can_be_retried(make, thread, state, stays_ms):
    one = record(1)
    make(one, retry=lambda _members: None).show("board")
    one.finish(0, bytes([state]), [b""], "w", 1)

    assert thread.flush(100.0) == stays_ms


def test_what_was_not_needed_counts_as_done(make, shown):
    one = record(2)
    one.finish(0, bytes([SUCCESS, IGNORED]), [b"", b""], "w", 1)

    make(one).show("board")

    assert "2 / 2" in shown[0]["data"]["text/html"]
    assert shown[0]["data"]["text/plain"] == "scores: 2 tasks · 1 SUCCESS · 1 IGNORED"


def test_a_canvas_is_told_with_its_graph_and_frozen_with_a_picture(make, shown, wire, thread):
    first, then = record(3, "load"), record(1, "best")
    canvas = Canvas(None, [Step(first), Step(then, links=(Link(0, "w"),))])
    make(first, then, canvas=canvas).show("board")
    assert wire.opened()[0]["whole"]["ast"]["edges"] == [(0, 1, "w", 0)]

    succeed(first, 0, 1, 2)
    succeed(then, 0)
    thread.flush(100.0)
    thread.flush(5_000.0)

    assert wire.custom()[-2][0]["path"] == [0, 3]
    frozen = shown[-1]["data"]
    assert '<img alt="Canvas of 4 tasks"' in frozen["text/html"]
    assert frozen["text/plain"].splitlines()[1:] == [
        "  ✔ load ×3 3 SUCCESS",
        "  ✔ best SUCCESS after load",
    ]


def test_a_freeze_is_immediate_and_a_second_one_changes_nothing(make, shown):
    one = record(2)
    board = make(one)
    board.show("board")
    succeed(one, 0, 1)

    board.freeze()
    board.freeze()

    assert len(shown) == 2
    assert "2 SUCCESS" in shown[1]["data"]["text/plain"]


def test_a_board_frozen_early_is_updated_once_more_at_the_end(make, shown, thread):
    one = record(2)
    board = make(one)
    board.show("board")
    succeed(one, 0)
    board.freeze()
    succeed(one, 1)

    thread.flush(100.0)
    thread.flush(5_000.0)

    assert len(shown) == 3
    assert "2 SUCCESS" in shown[2]["data"]["text/plain"]


def test_a_frozen_board_leaves_the_feed_and_the_record(make):
    one = record(2)
    board = make(one)
    board.show("board")
    succeed(one, 0, 1)
    board.freeze()

    assert board._feed._sent == {}
    assert one._dirty == []


def test_a_board_that_has_ended_shows_what_runs_again(make, shown, thread):
    one = record(2)
    board = make(one)
    board.show("board")
    one.finish(0, bytes([SUCCESS, FAILURE]), [b"", b""], "w", 1)
    board.freeze()

    one.hear_again(1, 1)
    assert "1 SUCCESS" in shown[-1]["data"]["text/plain"]
    assert "FAILURE" not in shown[-1]["data"]["text/plain"]
    one.hear_again(1, 1)
    one.finish(1, bytes([SUCCESS]), [b""], "w", 2)
    thread.flush(100.0)

    assert "2 SUCCESS" in shown[-1]["data"]["text/plain"]
    assert one._dirty == []


def test_what_runs_again_is_counted_in_the_picture_too(make):
    one = record(20)
    board = make(one)
    board.show("board")
    one.errors[1] = ErrorText("KeyError", "once")
    one.finish(0, bytes([SUCCESS, FAILURE] + [SUCCESS] * 18), [b""] * 20, "w", 1)
    board.freeze()
    assert [group["type"] for group in board._look()[0]["fails"]] == ["KeyError"]

    one.hear_again(1, 1)

    assert board._look()[0]["fails"] == []


def test_a_failure_that_runs_again_is_no_failure_any_more():
    one = record(3)
    tally = Tally([one])
    for index, name in enumerate(("KeyError", "ValueError", "KeyError")):
        one.errors[index] = ErrorText(name, str(index))
    one.finish(0, bytes([FAILURE]) * 3, [b""] * 3, "w", 1)
    tally.drain()

    one.again(0, 1)
    one.again(1, 1)
    tally.drain()

    (group,) = tally.by_frequency()
    assert (group.type_name, group.first, group.count, group.error.text) == ("KeyError", 2, 1, "2")


def test_what_has_ended_before_is_shown_frozen_at_once(make, shown, wire):
    one = record(2)
    succeed(one, 0, 1)

    make(one).show("board")

    assert [output["data"].keys() for output in shown] == [{"text/html", "text/plain"}]
    assert wire.messages == []


def test_a_record_that_ends_while_it_is_displayed_is_frozen(make, shown, monkeypatch):
    one = record(1)
    board = make(one)
    monkeypatch.setattr(board._feed, "add", lambda _board: succeed(one, 0))

    board.show("board")

    assert "1 SUCCESS" in shown[-1]["data"]["text/plain"]


def test_a_lost_record_freezes_too(make, thread, shown):
    one = record(3)
    make(one).show("board")
    one.lose()

    thread.flush(100.0)
    thread.flush(100.0 + FREEZE_AFTER_MS)

    assert "no longer stored" in shown[-1]["data"]["text/html"]


def test_the_text_view_is_one_stable_line_and_one_end(make, shown, thread):
    one = record(3)
    board = make(one)
    board.show("text")
    one.errors[2] = ErrorText("ValueError", "bad")
    one.finish(0, bytes([SUCCESS, SUCCESS, FAILURE]), [b""] * 3, "w", 1)
    thread.flush(100.0)
    board.show_end()
    board.show_end()

    assert [output["data"] for output in shown] == [
        {"text/plain": "scores: 3 tasks"},
        {"text/plain": "scores: 3 tasks · 2 SUCCESS · 1 FAILURE\n  ValueError: bad"},
    ]
    assert not any(output["update"] for output in shown)


def test_the_html_view_is_updated_once_a_second_without_a_widget(make, shown, thread, wire):
    one = record(40)
    make(one).show("html")
    for step in range(31):
        succeed(one, step)
        thread.flush(100.0 * step)

    assert [output["update"] for output in shown] == [False, True, True, True, True]
    assert wire.messages == []


def test_the_none_view_shows_nothing(make, shown):
    one = record(1)
    board = make(one)
    board.show("none")
    succeed(one, 0)
    board.show_end()

    assert shown == []


@pytest.mark.parametrize(
    ("setting", "kinds"),
    [
        ("widget", {WIDGET_VIEW, "text/html", "text/plain"}),
        ("html", {"text/html", "text/plain"}),
        ("text", {"text/plain"}),
        ("auto", {"text/plain"}),
    ],
)
def test_auto_follows_the_environment_and_a_terminal_gets_text(
    make, shown, monkeypatch, setting, kinds
):
    monkeypatch.setenv("NBTASKS_UI", setting)

    make(record(1)).show()

    assert [output["data"].keys() for output in shown] == [kinds]


def test_auto_is_off_when_the_environment_says_so(make, shown, monkeypatch):
    monkeypatch.setenv("NBTASKS_UI", "off")

    make(record(1)).show()

    assert shown == []


@pytest.mark.parametrize(("notebook", "is_live"), [("/a.ipynb", True), ("", False)])
def test_auto_is_a_board_where_a_front_end_has_a_notebook(
    make, shown, monkeypatch, notebook, is_live
):
    monkeypatch.delenv("NBTASKS_UI", raising=False)
    monkeypatch.setenv("JPY_SESSION_NAME", notebook)
    monkeypatch.setattr(InteractiveShell.instance(), "kernel", object(), raising=False)

    make(record(1)).show()

    assert (WIDGET_VIEW in shown[0]["data"]) == is_live
    assert "text/html" in shown[-1]["data"]


def test_the_end_of_a_cell_shows_the_end_of_a_task_where_no_browser_is(make, shown):
    one = record(1)
    board = make(one)
    board.show("html")
    board.end_cell()
    succeed(one, 0)
    board.end_cell()

    assert [output["update"] for output in shown] == [False, True]
    assert "1 SUCCESS" in shown[-1]["data"]["text/plain"]


def test_an_unknown_view_is_refused_by_name(make):
    with pytest.raises(ValueError, match="no view 'grid': use one of auto, board"):
        make(record(1)).show("grid")


def test_all_boards_together_stay_within_sixty_messages_a_second(make, thread, wire):
    records = [record(400) for _ in range(100)]
    for one in records:
        make(one).show("board")
    wire.messages.clear()
    for step in range(200):
        for one in records:
            succeed(one, step)
        thread.flush(20.0 * step)

    assert 200 < len(wire.custom()) <= 60 + 4 * 60 + 1


def test_no_board_is_left_behind_when_many_change(make, thread):
    records = [record(1) for _ in range(100)]
    boards = [make(one) for one in records]
    for board, one in zip(boards, records, strict=True):
        board.show("board")
        succeed(one, 0)
    now, wait = 0.0, 0.0
    while wait is not None:
        now += wait
        wait = thread.flush(now)

    assert all(board._ended for board in boards)
    assert now < 5_000.0


def test_a_board_whose_transport_fails_does_not_stop_the_others(make, thread, wire, caplog):
    first, second = record(1), record(1)
    broken, sound = make(first), make(second)
    broken.show("board")
    sound.show("board")
    broken._widget.send = None
    first.begin(0, "w", 1)
    second.begin(0, "w", 1)

    thread.flush(100.0)
    thread.flush(1_000.0)

    assert len(wire.custom()) == 1
    assert caplog.text.count("a board could not be updated") == 1


@pytest.mark.parametrize(("dirty", "hz"), [(0, 15), (1, 15), (6, 10), (30, 2), (600, 1)])
def test_the_frequency_falls_with_the_number_of_changing_boards(dirty, hz):
    assert frequency(dirty) == hz


def test_a_closed_feed_leaves_the_stream(thread):
    Feed(thread).close()

    assert thread.flushers == []


def test_the_pace_is_that_of_the_last_seconds():
    pace = Pace()
    for second in range(10):
        pace.note(1000.0 * second, 20 * second)

    assert pace.per_second(9_000.0, 180) == pytest.approx(20.0)


def test_the_pace_keeps_few_samples():
    pace = Pace()
    for tick in range(20_000):
        pace.note(66.0 * tick, tick)

    assert len(pace._samples) < 110


def test_the_widget_source_is_one_module_without_imports_or_addresses():
    source = join_modules("board")

    assert "import " not in source.replace("important", "")
    assert source.count("export default") == 1
    assert "http" not in source
    assert "innerHTML" not in source
    assert "/**\n" not in source


def test_the_style_sheet_loads_nothing_from_outside():
    assert not any(word in join_styles("board") for word in ("url(", "@import", "http"))
