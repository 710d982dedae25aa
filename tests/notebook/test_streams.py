"""Streams, checkpoints and stacks in a real kernel."""

import re


def test_a_function_made_of_a_cell_streams_its_parts(kernel):
    kernel.ok("%%task def count(n)\nfor number in range(n):\n    yield number * number")

    shown = kernel.ok("for part in count.delay(4).stream(): print(part)").text("stdout")

    assert shown == "0\n1\n4\n9\n"
    assert kernel.ok("await count.delay(3)").value == "[0, 1, 4]"
    read = "[part async for part in count.delay(3).stream()]"
    assert kernel.ok(read).value == "[0, 1, 4]"


def test_a_cell_goes_on_from_its_checkpoint(kernel, tmp_path):
    path = str(tmp_path / "died")
    kernel.ok("import os\nfrom nbtasks import checkpoint, last_checkpoint")
    kernel.ok(
        "%%task again --quiet\n"
        "found = last_checkpoint()\n"
        "checkpoint({'step': 3})\n"
        f"if not os.path.exists({path!r}):\n"
        f"    open({path!r}, 'w').close()\n"
        "    os.kill(os.getpid(), 9)\n"
        "found"
    )
    assert kernel.ok("again.get()").value == "{'step': 3}"


def test_a_stack_names_the_cells_of_functions_too(kernel, tmp_path):
    path = str(tmp_path / "go")
    kernel.ok(f"import os\ndef wait():\n    while not os.path.exists({path!r}):\n        pass")
    kernel.ok("%%task waiting --quiet\nwait()")
    kernel.ok("import time\nwhile waiting.state != 'STARTED': time.sleep(0.01)")

    told = kernel.ok("print(waiting.stack())").text("stdout")

    (tmp_path / "go").touch()
    assert re.search(r"Cell In\[\d+\], line 2, in <module>\n    wait\(\)\n", told)
    assert re.search(r"Cell In\[\d+\], line \d, in wait\n", told)
    kernel.ok("waiting.get()")
