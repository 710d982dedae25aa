"""A real child under an audit hook: `python -m fuzz.child_side SOCKET MODE`, by the fuzzer.

What the hook saw comes as output of the member that ran, on the child's own socket, when a member
of the record `oracle` is asked for.
"""

import socket
import sys

from fuzz.mutants import codec_of, signer_of
from fuzz.oracle import Oracle
from nbtasks.worker import library
from nbtasks.worker.child import Child
from nbtasks.worker.work import Cells, ChildSettings


def main() -> None:
    """Run a child until the other end of the socket is closed."""
    number, mode = sys.argv[1:]
    oracle = Oracle()
    begin = library.Library.slice

    def slice_(self, work):
        if work.rid.startswith("oracle"):
            for line in oracle.watch(on=work.rid == "oracle on"):
                sys.stderr.write(f"{line}\n")
            sys.stderr.write("--\n")
            sys.stderr.flush()
        return begin(self, work)

    library.Library.slice = slice_
    settings = ChildSettings(
        worker="w1", signer=signer_of(mode), max_value=100_000, codec=codec_of(mode)
    )
    Child(socket.socket(fileno=int(number)), Cells(), settings).run(is_main=True)


if __name__ == "__main__":
    main()
