"""A kernel for the tests of a module."""

from collections.abc import Iterator

import pytest
from kernel_side import Kernel


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """A kernel with the magics and one local worker."""
    found = Kernel(tmp_path_factory.mktemp("k"))
    found.ok("%load_ext nbtasks")
    found.ok("%broker --start 1")
    yield found
    found.close()
