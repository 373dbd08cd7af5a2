"""The shipped settings for several GPUs are ones that accelerate understands, and go with the shipped recipe."""

from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "docs" / "accelerate"


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.yaml")), ids=lambda path: path.stem)
def test_accelerate_reads_it_and_the_recipe_goes_with_it(path):
    from accelerate.commands.config.config_args import load_config_from_file

    from anomalygpt.config.training import load_recipe

    config, recipe = load_config_from_file(str(path)), load_recipe("paper-vicuna-7b")
    assert config.mixed_precision == recipe.precision and recipe.batch % config.num_processes == 0
    if config.distributed_type in ("FSDP", "DEEPSPEED"):
        assert recipe.average == 0
        assert config.fsdp_config or config.deepspeed_config


def test_the_layer_that_is_spread_is_one_of_the_language_model(tiny_inspector):
    from accelerate.commands.config.config_args import load_config_from_file

    name = load_config_from_file(str(FOLDER / "fsdp.yaml")).fsdp_config["fsdp_transformer_layer_cls_to_wrap"]
    assert name in {type(module).__name__ for module in tiny_inspector.model.language.modules()}
