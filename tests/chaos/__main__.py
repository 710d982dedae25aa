"""The command: `python -m chaos --seed 1 --tasks 10000`. It fails where a promise was broken."""

import argparse
import logging
import shutil
import sys
import tempfile
from pathlib import Path

from chaos.plan import Storm
from chaos.storm import weather


def main() -> int:
    """Run a storm and print its report."""
    full = Storm()
    parser = argparse.ArgumentParser(prog="chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="the same seed, the same faults")
    parser.add_argument("--tasks", type=int, default=full.tasks, help="faults go with them")
    parser.add_argument("--workers", type=int, default=full.workers)
    parser.add_argument("--children", type=int, default=full.children, help="of each worker")
    parser.add_argument(
        "--lease", type=int, default=full.lease_ms, help="ms: longer where others work too"
    )
    parser.add_argument("--calm", type=int, help="so many pills, and no other fault of workers")
    parser.add_argument("--fsync", choices=["always", "everysec"], default=full.fsync)
    parser.add_argument("--slow-disk", type=int, default=0, help="ms that each fsync takes longer")
    parser.add_argument("--deadline", type=float, default=300.0, help="seconds")
    parser.add_argument("--report", type=Path, help="write the report here, not to stdout")
    parser.add_argument("--keep", action="store_true", help="keep history and logs")
    options = parser.parse_args()
    storm = Storm(
        seed=options.seed,
        workers=options.workers,
        children=options.children,
        lease_ms=options.lease,
        heartbeat_ms=options.lease // 5,
        fsync=options.fsync,
        slow_disk_ms=options.slow_disk,
    )
    storm = storm.scaled(options.tasks)
    if options.calm:
        storm = storm.calmed(options.calm)
    folder = Path(tempfile.mkdtemp(prefix="chaos-"))
    logging.basicConfig(filename=folder / "client.log", format="%(asctime)s %(message)s")
    report = weather(storm, folder, options.deadline)
    if options.report:
        options.report.write_text(report.text() + "\n")
    else:
        sys.stdout.write(report.text() + "\n")
    if report.is_good and not options.keep:
        shutil.rmtree(folder)
    else:
        sys.stderr.write(f"history and logs are in {folder}\n")
    return 0 if report.is_good else 1


if __name__ == "__main__":
    sys.exit(main())
