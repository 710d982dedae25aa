"""What runs for long does not grow: a sample of what `chaos.soak` looks at."""

import pytest

from chaos.soak import soak


@pytest.mark.slow
def test_20000_tasks_leave_no_file_and_no_key_behind_and_little_memory():
    looks = soak(20_000, 4)
    early, late = looks[1], looks[-1]
    for name in early:
        if name.endswith("files"):
            assert late[name] == early[name], name
        else:
            assert late[name] - early[name] < 3, name
