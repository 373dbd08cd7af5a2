"""Run by test_processes.py: trains a recipe on two CPU processes, killed after the third step and started again."""

import os
import sys
from pathlib import Path

from accelerate import debug_launcher
from torch.multiprocessing import ProcessExitedException

from anomalygpt.config.training import load_recipe
from anomalygpt.training import loop
from anomalygpt.training.stages import train


def work(recipe: str, out: str, killed: bool) -> None:
    loop.LOG_EVERY = 1
    draw = loop.draw_curves

    def draw_or_die(log: Path, picture: Path) -> None:
        draw(log, picture)
        if killed and len(log.read_text().splitlines()) == 3:
            os._exit(3)  # the state of the third step has been written

    loop.draw_curves = draw_or_die
    train(load_recipe(recipe), Path(out), "cpu")


if __name__ == "__main__":
    try:
        debug_launcher(work, (*sys.argv[1:], True), num_processes=2)
        sys.exit("it was not killed")
    except ProcessExitedException as error:
        if error.exit_code != 3:
            raise
    debug_launcher(work, (*sys.argv[1:], False), num_processes=2)
