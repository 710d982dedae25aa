"""The command `nbtasks lab`."""

import sys

import click

from nbtasks.cli.plain import plain_errors


@click.command()
@plain_errors
def lab() -> None:
    """Open the quickstart in JupyterLab."""
    from nbtasks.demo import run_lab

    sys.exit(run_lab())
