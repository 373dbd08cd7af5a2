import torch

from anomalygpt.config import PromptLearnerConfig, load_preset
from anomalygpt.model.prompt_learner import PromptLearner

SMALL = PromptLearnerConfig(map_size=32, channels=(2, 3), kernel=6, base_vectors=2, region_vectors=3)


def test_published_form_has_the_published_shapes_names_and_size():
    preset = load_preset("vicuna-7b")
    hidden = preset.language.hidden_size
    with torch.device("meta"):
        learner = PromptLearner(preset.prompt_learner, hidden, sum(preset.encoder.widths))
        vectors = learner(torch.empty(2, 1, 224, 224))
    assert vectors.shape == (2, 18, 4096)
    shapes = {name: tuple(tensor.shape) for name, tensor in learner.state_dict().items()}
    convolutions = {0: (4, 1, 3, 3), 3: (16, 4, 3, 3), 6: (64, 16, 3, 3), 9: (256, 64, 3, 3), 12: (1024, 256, 3, 3)}
    convolutions[15] = (4096, 1024, 5, 5)
    expected = {f"meta_net.{index}.weight": shape for index, shape in convolutions.items()}
    expected |= {f"meta_net.{index}.bias": shape[:1] for index, shape in convolutions.items()}
    expected["base_prompts"] = (9, 4096)
    assert shapes == expected
    assert sum(parameter.numel() for parameter in learner.parameters()) == 107_416_504


def test_vectors_are_base_then_grid_row_by_row_then_regions():
    torch.manual_seed(0)
    learner = PromptLearner(SMALL, hidden_size=5, feature_width=4)
    empty = torch.zeros(1, 1, 32, 32)
    vectors = learner(empty)
    assert vectors.shape == (1, SMALL.vectors, 5) == (1, 2 + 9 + 3, 5)
    assert torch.equal(vectors[0, :2], learner.base_prompts)


def test_the_grid_is_read_row_by_row():
    learner = PromptLearner(SMALL, hidden_size=1, feature_width=4)
    for parameter in learner.meta_net.parameters():
        torch.nn.init.constant_(parameter, 0.1)
    empty = torch.zeros(1, 1, 32, 32)
    for top, left, across in [(0, 0, (2, 2)), (0, 28, (2, 0)), (28, 0, (0, 2)), (28, 28, (0, 0))]:
        lit = empty.clone()
        lit[..., top : top + 4, left : left + 4] = 1
        heard = (learner(lit) - learner(empty))[0, 2:11, 0].reshape(3, 3)
        assert heard[2 - across[0], 2 - across[1]] > 0
        assert heard[across] == 0


def test_a_map_of_another_size_says_the_same():
    torch.manual_seed(0)
    learner = PromptLearner(SMALL, hidden_size=5, feature_width=4)
    small = torch.zeros(1, 1, 32, 32)
    small[..., 8:16, 16:24] = 1
    large = small.repeat_interleave(4, -1).repeat_interleave(4, -2)
    assert torch.allclose(learner(large), learner(small), atol=2e-2)


def test_missing_regions_give_the_learned_none_vector():
    torch.manual_seed(0)
    learner = PromptLearner(SMALL, hidden_size=5, feature_width=4)
    maps = torch.rand(2, 1, 32, 32)
    features = torch.randn(2, 2, 4)
    features[1, 1] = 0
    regions = learner(maps, features)[:, -3:]
    found = learner.region_projection(features)
    assert torch.allclose(regions[0, :2], found[0])
    assert torch.allclose(regions[1, 0], found[1, 0])
    for none in (regions[0, 2], regions[1, 1], regions[1, 2], *learner(maps)[0, -3:]):
        assert torch.equal(none, learner.no_region)


def test_only_the_strongest_regions_are_read():
    torch.manual_seed(0)
    learner = PromptLearner(SMALL, hidden_size=5, feature_width=4)
    maps, features = torch.rand(1, 1, 32, 32), torch.randn(1, 5, 4)
    assert torch.equal(learner(maps, features), learner(maps, features[:, :3]))


def test_everything_learns():
    torch.manual_seed(0)
    learner = PromptLearner(SMALL, hidden_size=5, feature_width=4)
    features = torch.randn(2, 1, 4)
    learner(torch.rand(2, 1, 32, 32), features).square().sum().backward()
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in learner.parameters())
