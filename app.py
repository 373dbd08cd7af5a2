"""Opens the page: `python app.py`, the same as `python -m anomalygpt serve`."""

import typer

from anomalygpt.cli.serve import serve

if __name__ == "__main__":
    typer.run(serve)
