"""Run by test_processes.py: trains a recipe on two CPU processes, killed after the third step and started again.

`two_processes.py RECIPE OUT ddp|fsdp`
"""

import os
import sys
from pathlib import Path

from accelerate import Accelerator, debug_launcher
from torch.multiprocessing import ProcessExitedException

from anomalygpt.config.training import load_recipe
from anomalygpt.training import loop
from anomalygpt.training.stages import train


def spread(**settings: object) -> Accelerator:
    """An accelerator that spreads weights by FSDP, which accelerate offers for GPUs only: it is told these are such."""
    import torch.distributed.fsdp
    from accelerate.state import AcceleratorState, PartialState
    from accelerate.utils import DistributedType, FullyShardedDataParallelPlugin
    from torch.distributed.device_mesh import init_device_mesh

    accelerator = Accelerator(**settings)
    plugin = FullyShardedDataParallelPlugin(
        fsdp_version=2,
        auto_wrap_policy="transformer_based_wrap",
        transformer_cls_names_to_wrap=["LlamaDecoderLayer"],
        state_dict_type="SHARDED_STATE_DICT",
        reshard_after_forward=True,
        cpu_ram_efficient_loading=False,
    )
    os.environ["ACCELERATE_USE_FSDP"] = "true"
    for state in (PartialState, AcceleratorState):
        state._shared_state["distributed_type"] = DistributedType.FSDP
    AcceleratorState._shared_state["fsdp_plugin"] = plugin
    Accelerator.torch_device_mesh = property(lambda _: None)
    mesh, shard = init_device_mesh("cpu", (2,)), torch.distributed.fsdp.fully_shard
    torch.distributed.fsdp.fully_shard = lambda module, **options: shard(module, **{**options, "mesh": mesh})
    return accelerator


def work(recipe: str, out: str, how: str, killed: bool) -> None:
    loop.LOG_EVERY = 1
    if how == "fsdp":
        loop.Accelerator = spread
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
