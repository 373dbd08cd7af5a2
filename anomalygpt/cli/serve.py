"""`python -m anomalygpt serve` and `python app.py`: the page in the browser."""

from __future__ import annotations

import os
import signal
import tempfile
import time
from concurrent.futures import Future
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
        app = build_app(lambda: loading.result().new_session(), read_examples())
        try:
            _, url, _ = app.launch(server_name=host, server_port=port, prevent_thread_lock=True, **launch_options())
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
