"""The command `nbtasks demo`."""

import sys

import click

from nbtasks.cli.plain import plain_errors


@click.command()
@click.option("--folder", default="", help="Where to put the finished notebook and its HTML page.")
@plain_errors
def demo(folder: str) -> None:
    """Run the quickstart: a search over 48 models on two workers, and what it saved."""
    from nbtasks.demo import run_demo

    sys.exit(run_demo(folder))
