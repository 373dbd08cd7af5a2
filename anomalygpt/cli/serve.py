"""`python -m anomalygpt serve` and `python app.py`: the page in the browser."""

from __future__ import annotations

import gc
import importlib.util
import os
import re
import signal
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
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
    from anomalygpt.inspection.inspector import Inspector

ACCOUNT = re.compile(r"[^:]+:.+")
"""A name and a password."""


def _accounts(given: list[str] | None) -> list[str]:
    for account in given or []:
        if not ACCOUNT.fullmatch(account):  # what was given may hold a password, so it is not repeated
            raise typer.BadParameter("give a name and a password with a colon between them: USER:PASSWORD")
    return given or []


def _account_file(path: Path | None) -> Path | None:
    for number, line in enumerate(_account_lines(path), 1):
        if line and not ACCOUNT.fullmatch(line):
            raise typer.BadParameter(f"{path}, line {number}: write a name, a colon and a password: USER:PASSWORD")
    return path


def _account_lines(path: Path | None) -> list[str]:
    """The lines of a file of accounts; empty where there is no account in them."""
    if path is None:
        return []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise typer.BadParameter(f"{path} cannot be read as text: {error}") from error
    return ["" if line.startswith("#") else line.strip() for line in lines]


def _root(path: str) -> str:
    if path and not path.startswith(("/", "http://", "https://")):
        raise typer.BadParameter(f"'{path}' is no path and no address: begin it with a slash, such as /anomaly")
    return path.rstrip("/")


def _feedback(path: Path) -> Path:
    if not path.absolute().parent.is_dir():
        raise typer.BadParameter(f"the folder of {path} is not there: make it, or name a file in another one")
    return path


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
        str,
        typer.Option(help="Path of the page behind a proxy, such as /anomaly, or its whole address.", callback=_root),
    ] = "",
    auth: Annotated[
        list[str] | None,
        typer.Option(metavar="USER:PASSWORD", help="Whom the page lets in; may be repeated.", callback=_accounts),
    ] = None,
    auth_file: Annotated[
        Path | None,
        typer.Option(
            help="File with a USER:PASSWORD in each line, which nobody sees in the list of processes.",
            callback=_account_file,
        ),
    ] = None,
    queue_size: Annotated[int, typer.Option(help="Events that wait at most.", min=1)] = 128,
    concurrency: Annotated[int, typer.Option(help="Visitors that the model serves at once.", min=1)] = 2,
    upload_limit: Annotated[
        str, typer.Option(help="The largest file that is taken, such as 100mb.", callback=_file_size)
    ] = "100mb",
    mcp: Annotated[bool, typer.Option("--mcp", help="Also offer the endpoints to programs over MCP.")] = False,
    feedback: Annotated[
        Path,
        typer.Option(
            help="File that thumbs up and down are appended to, as JSON lines.", dir_okay=False, callback=_feedback
        ),
    ] = Path("feedback.jsonl"),
    no_feedback: Annotated[bool, typer.Option("--no-feedback", help="No thumbs, and no file of them.")] = False,
) -> None:
    """Open the page: show a part and a good one, and talk about what is wrong with it."""
    started = time.monotonic()
    accounts = dict(line.split(":", 1) for line in [*(auth or []), *_account_lines(auth_file)] if line)
    if mcp:
        _check_mcp(accounts)
    # Ctrl-C and the stop of a service end the same way, and leave no uploads behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with (
        tempfile.TemporaryDirectory(prefix="anomalygpt-", ignore_cleanup_errors=True) as uploads,
        ExitStack() as starting,
    ):
        starting.enter_context(_nothing_is_garbage())
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
        try:
            _, url, _ = app.launch(
                server_name=host,
                server_port=port,
                root_path=root_path or None,
                auth=list(accounts.items()) or None,
                mcp_server=mcp,
                prevent_thread_lock=True,
                **launch_options(upload_limit),
            )
        except OSError as error:
            typer.echo(f"Port {port} of {host} cannot be used: give others with --port or --host. ({error})", err=True)
            raise typer.Exit(2) from error
        if mcp and not app.mcp_server:  # Gradio goes on without it
            app.close()
            typer.echo(f"MCP cannot be offered: leave --mcp out. ({app.mcp_error})", err=True)
            raise typer.Exit(2)
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
        starting.close()
        app.block_thread()


@contextmanager
def _nothing_is_garbage() -> Iterator[None]:
    """Collects no garbage, and never looks again for any in what was made meanwhile.

    A tenth of the start would go to looking through modules that stay anyway, and later collections would do it again.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def _check_mcp(accounts: dict[str, str]) -> None:
    """Ends the program where MCP cannot be offered.

    Gradio's MCP server asks nobody for a password, and cannot give one to the endpoints behind it.
    """
    problem = ""
    if importlib.util.find_spec("mcp") is None:
        problem = "--mcp needs a library that is not installed: pip install 'gradio[mcp]'"
    elif accounts:
        problem = "--mcp cannot be protected by --auth. Leave one out, or let a proxy in front ask for the password."
    if problem:
        typer.echo(problem, err=True)
        raise typer.Exit(2)


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
