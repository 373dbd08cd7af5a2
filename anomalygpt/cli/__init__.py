"""The command line: one file a verb. Heavy libraries are imported inside the verbs, so that `--help` is quick."""

from __future__ import annotations

import typer

from anomalygpt.cli.assemble import assemble
from anomalygpt.cli.evaluate import evaluate
from anomalygpt.cli.inspect import inspect
from anomalygpt.cli.serve import serve
from anomalygpt.cli.simulate import simulate
from anomalygpt.cli.train import train


def make_app() -> typer.Typer:
    """The command line with all its verbs."""
    app = typer.Typer(
        name="anomalygpt",
        help="Talk about a photo of a part: is there an anomaly, where, and what is it?",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    for verb in (serve, inspect, simulate, train, evaluate, assemble):
        app.command()(verb)
    return app


def main() -> None:
    """Runs the command line."""
    make_app()(prog_name="python -m anomalygpt")
