"""The kernel's counter of deaths for want of memory is found and read, in both versions."""

import pytest

from nbtasks.worker.oom import OomWatch

OLD = "4:memory:/a/b\n2:cpu,cpuacct:/\n0::/\n"
NEW = "0::/a/b\n"


@pytest.mark.parametrize(
    ("groups", "file", "text"),
    [
        (OLD, "memory/a/b/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill {}\n"),
        (OLD, "memory/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill {}\n"),
        (NEW, "a/b/memory.events", "low 0\noom 3\noom_kill {}\noom_group_kill 9\n"),
        (NEW, "memory.events", "low 0\noom 3\noom_kill {}\n"),
    ],
    ids=["version 1", "version 1 in a container", "version 2", "version 2 in a container"],
)
def test_a_death_is_seen_once(tmp_path, groups, file, text):
    (tmp_path / "groups").write_text(groups)
    counter = tmp_path / file
    counter.parent.mkdir(parents=True, exist_ok=True)
    counter.write_text(text.format(2))
    watch = OomWatch(tmp_path / "groups", tmp_path)
    assert not watch.has_struck()
    counter.write_text(text.format(3))
    assert watch.has_struck()
    assert not watch.has_struck()


@pytest.mark.parametrize("groups", ["", OLD, NEW], ids=["none", "version 1", "version 2"])
def test_without_a_counter_nothing_is_seen(tmp_path, groups):
    (tmp_path / "groups").write_text(groups)
    assert not OomWatch(tmp_path / "groups", tmp_path / "nowhere").has_struck()
    assert not OomWatch(tmp_path / "nothing", tmp_path).has_struck()


def test_a_counter_that_vanishes_says_nothing(tmp_path):
    (tmp_path / "groups").write_text(NEW)
    (tmp_path / "memory.events").write_text("oom_kill 1\n")
    watch = OomWatch(tmp_path / "groups", tmp_path)
    (tmp_path / "memory.events").unlink()
    assert not watch.has_struck()
