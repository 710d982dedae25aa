"""A kernel for the tests of a module."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from kernel_side import Kernel

RUN_CELLS = {"kernel", "start_kernel", "environment"}
"""The fixtures of tests that run cells: `make test-kernels` repeats these with other ipykernels."""


def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    """Mark the tests that run cells."""
    for item in items:
        if RUN_CELLS.intersection(getattr(item, "fixturenames", ())):
            item.add_marker("kernel")


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """A kernel with the magics and one local worker."""
    found = Kernel(tmp_path_factory.mktemp("k"))
    found.ok("%load_ext nbtasks")
    found.ok("%broker --start 1")
    yield found
    found.close()


@pytest.fixture
def start_kernel(tmp_path: Path) -> Iterator[Callable[..., Kernel]]:
    """Start kernels with the magics, and nothing else: `start_kernel(NBTASKS_KEY="k")`."""
    kernels: list[Kernel] = []

    def start(**environment: str) -> Kernel:
        kernels.append(Kernel(tmp_path, **environment))
        kernels[-1].ok("%load_ext nbtasks")
        return kernels[-1]

    yield start
    for kernel in kernels:
        kernel.close()
