"""Where a notebook is connected to: an own server by URL, the embedded one, and none any more."""

import os
import re
import signal

import pytest
from kernel_side import users_of
from patience import wait_until

WIDGET = "application/vnd.jupyter.widget-view+json"
KEY = "a key that only these tests know"


def head(cell):
    return cell.displays[0]["text/plain"].splitlines()[0]


def workers_of(kernel):
    return {one.pid for one in users_of(kernel.home) if "worker" in one.cmdline()}


def test_without_a_broker_the_first_task_starts_the_embedded_server(start_kernel):
    kernel = start_kernel()

    cell = kernel.ok("%%task lone\n6 * 7")
    assert "no worker listens on queue 'default'" in cell.text("stderr")
    kernel.ok("%broker --start 1")

    assert kernel.ok("lone.get()").value == "42"


def test_the_broker_starts_a_worker_for_each_core(start_kernel):
    kernel = start_kernel()

    card = kernel.ok("%broker").displays[0]["text/plain"]

    cores = int(kernel.ok("import os; os.cpu_count()").value)
    assert len(card.splitlines()) == 2 + cores


def test_a_worker_that_was_just_killed_is_started_anew(start_kernel):
    kernel = start_kernel()
    kernel.ok("%broker --start 1")
    killed = workers_of(kernel)
    for pid in killed:
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not workers_of(kernel), "it is killed")

    kernel.ok("%broker --start 1")

    assert kernel.ok("%%task -b\n6 * 7").value == "42"
    assert workers_of(kernel) - killed


def test_local_workers_share_the_cores_unless_the_user_says_otherwise(start_kernel):
    kernel = start_kernel(OMP_NUM_THREADS="", MKL_NUM_THREADS="7")
    kernel.ok("%broker --start 2")
    kernel.ok("import os\ncores = os.cpu_count()")

    code = "os.environ['OMP_NUM_THREADS'] == str(max(1, cores // 2)), os.environ['MKL_NUM_THREADS']"
    assert kernel.ok(f"%task -b -- {code}").value == "(True, '7')"


def test_workers_start_on_other_queues(start_kernel):
    kernel = start_kernel()
    kernel.ok("%broker --start 1 -q gpu,cpu")

    assert kernel.ok("%%task -b -q gpu\n1").value == "1"
    assert "gpu, cpu" in kernel.ok("%broker").displays[0]["text/plain"]


def test_a_url_without_a_key_is_one_line(start_kernel, own_server):
    kernel = start_kernel()

    said = kernel.run(f"%broker {own_server.url}").usage

    assert said.startswith("there is a URL, but no signing key: set NBTASKS_KEY")


WRONG = {
    "redis://127.0.0.1:1": "Redis at redis://127.0.0.1:1 cannot be reached: ",
    "redis://:pw@127.0.0.1:1": "Redis at redis://:***@127.0.0.1:1 cannot be reached: ",
    "http://x": "'http://x' is not the URL of a Redis: write redis://host:6379/0",
}


def test_a_wrong_url_is_one_line_and_the_connection_before_stays(start_kernel):
    kernel = start_kernel(NBTASKS_KEY=KEY)
    kernel.ok("%broker --start 1")

    for url, said in WRONG.items():
        assert kernel.run(f"%broker {url}", 10).usage.startswith(said)
        assert kernel.ok("%%task -b\n1").value == "1"
        assert head(kernel.ok("%broker")) == "Connected to the embedded server: 1 worker"


def test_a_url_with_workers_beside_it(start_kernel, own_server):
    kernel = start_kernel(NBTASKS_KEY=KEY)

    assert head(kernel.ok(f"%broker {own_server.url}")) == (
        f"Connected to {own_server.url}: no worker. Start some: %broker --start 2, or nbtasks"
        " worker in a terminal"
    )
    kernel.ok("%broker --start 1")
    assert kernel.ok("%%task -b\n1").value == "1"


def test_a_password_is_not_shown(start_kernel, own_server):
    with own_server.client() as client:
        client.config_set("requirepass", "sesame")
    kernel = start_kernel(NBTASKS_KEY=KEY)

    cell = kernel.ok(f"%broker {own_server.url.replace('unix://', 'unix://:sesame@')}")

    assert "unix://:***@" in str(cell.outputs)
    assert "sesame" not in str(cell.outputs)


def test_close_leaves_workers_and_a_bare_broker_comes_back_to_the_embedded_server(
    start_kernel, own_server
):
    kernel = start_kernel(NBTASKS_KEY=KEY)
    kernel.ok("%broker --start 1")
    kernel.ok("%broker --close")
    kernel.ok(f"%broker {own_server.url}")
    kernel.ok("%broker --close")

    assert head(kernel.ok("%broker")) == "Connected to the embedded server: 1 worker"
    assert kernel.ok("%%task -b\n1").value == "1"


def test_an_app_of_the_notebook_keeps_its_settings_and_gets_workers(start_kernel):
    kernel = start_kernel()
    kernel.ok("from nbtasks import App\napp = App('mine', max_input=5000)")

    kernel.ok("%broker --start 1")

    kernel.ok("data = b'x' * 6000")
    assert kernel.run("%%task -b\nlen(data)").usage.endswith("or raise max_input")
    assert kernel.ok("%%task -b\n1").value == "1"


def test_a_closed_app_opens_again_and_its_boards_live(start_kernel):
    kernel = start_kernel()
    kernel.ok("%broker --start 1")
    kernel.ok("%%task -b\n1")
    kernel.ok("from nbtasks import current_app\ncurrent_app().close()")

    cell = kernel.ok("%%task\n1")

    wait_until(lambda: kernel.read() and WIDGET not in cell.displays[0], "the board is static")


def test_closing_makes_live_boards_static(start_kernel):
    kernel = start_kernel()
    kernel.ok("%broker --start 1")
    cell = kernel.ok("%%task -q nobody\n1")
    assert WIDGET in cell.displays[0]

    kernel.ok("%broker --close")

    wait_until(lambda: kernel.read() and WIDGET not in cell.displays[0], "the board is static")
    assert " PENDING>" in cell.displays[0]["text/plain"]


def test_unloading_takes_the_magics_away_and_loading_brings_them_back(start_kernel):
    kernel = start_kernel()
    kernel.ok("%broker --start 1")

    kernel.ok("%unload_ext nbtasks")
    assert "not found" in kernel.run("%%task\n1").usage
    assert "not found" in kernel.run("%tasks").usage

    kernel.ok("%load_ext nbtasks")
    assert kernel.ok("%%task -b\n1").value == "1"
    kernel.ok("%reload_ext nbtasks")
    assert kernel.ok("%%task -b\n2").value == "2"


def test_local_workers_outlive_the_restart_of_a_kernel(start_kernel):
    kernel = start_kernel(NBTASKS_GRACE="5")
    kernel.ok("%broker --start 1")
    before = workers_of(kernel)

    kernel.manager.restart_kernel(now=True)
    kernel.client.wait_for_ready(timeout=20)
    kernel.ok("%load_ext nbtasks")
    kernel.ok("%broker")

    assert kernel.ok("%%task -b\n1").value == "1"
    assert workers_of(kernel) == before


def test_a_redis_that_goes_away_while_a_cell_waits_is_one_line(start_kernel, own_server):
    kernel = start_kernel(NBTASKS_KEY=KEY)
    kernel.ok(f"from nbtasks import App\napp = App(broker={own_server.url!r}, patience_ms=300)")
    cell = kernel.start("%%task -b\n1")
    wait_until(lambda: kernel.read() and kernel.cells[cell].displays, "it waits")
    own_server.kill()

    said = kernel.finish(cell, 10).usage

    assert re.fullmatch(r"Redis at unix://\S+ cannot be reached( for \d+ s)?: .*kept there", said)


@pytest.mark.parametrize("url", ["", "the server's"], ids=["embedded", "url"])
def test_workers_that_a_notebook_starts_sign_and_encode_as_its_app_does(
    start_kernel, own_server, url
):
    kernel = start_kernel()
    broker = own_server.url if url else ""
    settings = f"broker={broker!r}, key={KEY!r}, encrypt=True, serializer='json'"
    kernel.ok(f"from nbtasks import App\napp = App({settings})")
    kernel.ok("%broker --start 1")

    assert kernel.ok("%%task -b\n[1, 'a']").value == "[1, 'a']"
