"""`python -m anomalygpt serve` and `python app.py`: the page in the browser."""

from __future__ import annotations

import os
import re
import signal
import tempfile
import time
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from anomalygpt.cli.options import (
    Adapter,
    Checkpoint,
    Device,
    EncoderSource,
    LanguageSource,
    MaxMemory,
    PrecisionOption,
)

if TYPE_CHECKING:
    from anomalygpt.inspection.session import Inspector


def _account(text: str | None) -> str | None:
    if text is not None and not re.fullmatch(r"[^:]+:.+", text):
        raise typer.BadParameter("give a name and a password with a colon between them: USER:PASSWORD")
    return text


def _file_size(text: str) -> str:
    if not re.fullmatch(r"[1-9]\d*(b|kb|mb|gb)", text.lower()):
        raise typer.BadParameter(f"'{text}' is not a size: give a whole number and a unit, such as 100mb")
    return text.lower()


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 lets other computers in.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.", min=1, max=65535)] = 7860,
    checkpoint: Checkpoint = "embedded",
    device: Device = "auto",
    precision: PrecisionOption = "auto",
    max_memory: MaxMemory = None,
    language: LanguageSource = None,
    encoder: EncoderSource = None,
    adapter: Adapter = None,
    root_path: Annotated[
        str, typer.Option(help="Path of the page behind a proxy, such as /anomaly, or its whole address.")
    ] = "",
    auth: Annotated[
        str | None, typer.Option(metavar="USER:PASSWORD", help="Whom the page lets in.", callback=_account)
    ] = None,
    queue_size: Annotated[int, typer.Option(help="Events that wait at most.", min=1)] = 128,
    concurrency: Annotated[int, typer.Option(help="Visitors that the model serves at once.", min=1)] = 2,
    upload_limit: Annotated[
        str, typer.Option(help="The largest file that is taken, such as 100mb.", callback=_file_size)
    ] = "100mb",
    mcp: Annotated[bool, typer.Option("--mcp", help="Also offer the endpoints to programs over MCP.")] = False,
    feedback: Annotated[
        Path, typer.Option(help="File that thumbs up and down are appended to, as JSON lines.", dir_okay=False)
    ] = Path("feedback.jsonl"),
    no_feedback: Annotated[bool, typer.Option("--no-feedback", help="No thumbs, and no file of them.")] = False,
) -> None:
    """Open the page: show a part and a good one, and talk about what is wrong with it."""
    started = time.monotonic()
    # Ctrl-C and the stop of a service end the same way, and leave no uploads behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with tempfile.TemporaryDirectory(prefix="anomalygpt-", ignore_cleanup_errors=True) as uploads:
        os.environ["GRADIO_TEMP_DIR"] = uploads
        os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
        # Gradio keeps statistics of its events in a table that is summed up again after every n-th event.
        os.environ.setdefault("GRADIO_ANALYTICS_CACHE_FREQUENCY", "1000")
        import anomalygpt
        from anomalygpt.web.build_app import build_app, launch_options
        from anomalygpt.web.examples import read_examples

        loading: Future[Inspector] = Future()
        # The page comes first, and then the model: a visitor who is quicker waits for it in `new_session`.
        app = build_app(
            lambda: loading.result().new_session(),
            read_examples(),
            None if no_feedback else feedback,
            queue_size,
            concurrency,
        )
        user, _, password = (auth or "").partition(":")
        try:
            _, url, _ = app.launch(
                server_name=host,
                server_port=port,
                root_path=root_path or None,
                auth=(user, password) if auth else None,
                mcp_server=mcp,
                prevent_thread_lock=True,
                **launch_options(upload_limit),
            )
        except OSError as error:
            typer.echo(f"Port {port} of {host} cannot be used: give another one with --port. ({error})", err=True)
            raise typer.Exit(2) from error
        typer.echo(f"The page is at {url} after {time.monotonic() - started:.1f} s; the model is being loaded.")
        try:
            inspector = anomalygpt.load(checkpoint, device, precision, max_memory, language, encoder, adapter)
            loading.set_result(_warmed(inspector))
        except ValueError as error:
            app.close()
            from anomalygpt.checkpoint.store import CheckpointError
            from anomalygpt.config import ConfigError

            if not isinstance(error, CheckpointError | ConfigError):
                raise
            typer.echo(str(error), err=True)
            raise typer.Exit(2) from error
        typer.echo(f"The model '{loading.result().name}' is ready after {time.monotonic() - started:.1f} s.")
        app.block_thread()


def _warmed(inspector: Inspector) -> Inspector:
    """Lets the model look once: the first run of every operation is slower than all others."""
    import numpy as np

    session = inspector.new_session()
    grey = np.full((64, 64, 3), 128, np.uint8)
    session.set_references([grey])
    session.set_image(grey)
    for _ in session.ask("Is there any anomaly in the image?", max_new_tokens=2):
        pass
    return inspector
