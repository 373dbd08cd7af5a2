"""Options that several verbs share: which model, and where it runs."""

from __future__ import annotations

from typing import Annotated

import typer

Checkpoint = Annotated[str, typer.Option(help="'embedded', a checkpoint folder, or 'openclip-chat'.")]
Device = Annotated[str, typer.Option(help="'auto' takes a GPU where there is one; 'cpu', 'cuda', ...")]
PrecisionOption = Annotated[
    str, typer.Option("--precision", help="Of the language model: auto, fp32, bf16, fp16, int8 or int4.")
]
MaxMemory = Annotated[
    str | None,
    typer.Option(
        help="Of each GPU, for the language model, such as 10GiB; the rest goes to the next GPU, then to RAM."
    ),
]
LanguageSource = Annotated[
    str | None, typer.Option("--language", help="With openclip-chat: a chat model's folder, or its name on the hub.")
]
Adapter = Annotated[
    str | None, typer.Option(help="Folder 'adapter' of a training from this checkpoint on your own photos.")
]
EncoderSource = Annotated[
    str | None,
    typer.Option("--encoder", help="With openclip-chat: open_clip's NAME:WEIGHTS or NAME:FILE, or a folder."),
]
