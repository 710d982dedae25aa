"""The command: `python -m fuzz --count 100000`. It fails where a changed message got through."""

import argparse
import json
import sys
import tempfile
from pathlib import Path

from servers import Server

from fuzz.messages import fuzz_messages
from fuzz.mutants import MODES
from fuzz.values import fuzz_results
from nbtasks.clock import SystemClock


def main() -> int:
    """Send and read so many of each, spread over the modes; print a line for each."""
    parser = argparse.ArgumentParser(prog="fuzz", description=__doc__)
    parser.add_argument("--count", type=int, default=100_000, help="of messages, and of results")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    each = -(-options.count // len(MODES))
    is_good = True
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder), "--appendonly", "no")
        server.start()
        for mode in MODES:
            for run in (
                lambda mode=mode: fuzz_messages(each, options.seed, mode),
                lambda mode=mode: fuzz_results(each, options.seed, mode, server.url),
            ):
                began = SystemClock().tick_ms()
                found = run()
                found["control"] = len(found["control"])
                found["seconds"] = round((SystemClock().tick_ms() - began) / 1000, 1)
                print(json.dumps(found), flush=True)
                is_good &= not (found["accepted"] or found["seen"] or found["crashes"])
        server.kill()
    return int(not is_good)


if __name__ == "__main__":
    sys.exit(main())
