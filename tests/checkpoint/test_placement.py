from importlib.util import find_spec

import pytest
import torch
from accelerate import init_empty_weights
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast

import anomalygpt
from anomalygpt.checkpoint import language_files, placement
from anomalygpt.checkpoint.language_files import load_language, save_language
from anomalygpt.checkpoint.placement import Placement, read_size, split
from anomalygpt.checkpoint.store import CheckpointError, load_checkpoint, save_checkpoint
from anomalygpt.config import LanguageConfig
from anomalygpt.model.generation import KVSession, Settings, Stream
from anomalygpt.model.language import IGNORED, Language, transformers_config

PARTS = ("nut", "capsule", "cable", "bottle", "screw")
FAULTS = ("scratch", "crack", "dent", "stain", "hole", "bend", "chip", "none")
PLACES = ("left", "right", "top", "bottom", "centre", "nowhere")
QUESTIONS = [(part, fault) for part in PARTS for fault in FAULTS]
"""The fixed set: 40 questions, each with an answer of three words to be known by heart."""

needs_bitsandbytes = pytest.mark.skipif(
    find_spec("bitsandbytes") is None, reason="bitsandbytes is not installed (pip install -r requirements-dev.txt)"
)


def answer_of(index):
    fault = QUESTIONS[index][1]
    return f"{'no' if fault == 'none' else 'yes'} {PLACES[(index * 7) % len(PLACES)]} {PARTS[(index * 3) % len(PARTS)]}"


@pytest.fixture(scope="module")
def trained():
    """A small Llama that has learned the fixed set."""
    words = ["<pad>", "<s>", "</s>", "<unk>", "?", "yes", "no", *PARTS, *FAULTS, *PLACES]
    tokenizer = Tokenizer(models.WordLevel({word: index for index, word in enumerate(words)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", bos_token="<s>", eos_token="</s>", unk_token="<unk>"
    )
    architecture = {
        "vocab_size": 32, "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4,
        "num_key_value_heads": 2, "max_position_embeddings": 128, "bos_token_id": 1, "eos_token_id": 2,
    }  # fmt: skip
    torch.manual_seed(0)
    language = Language(LanguageConfig(architecture=architecture), fast)
    texts = [f"{part} {fault} ? {answer_of(index)} </s>" for index, (part, fault) in enumerate(QUESTIONS)]
    ids = torch.cat([language.token_ids(text, bos=True) for text in texts])
    labels = ids.clone()
    labels[:, :4] = IGNORED
    optimizer = torch.optim.AdamW(language.parameters(), 3e-3)
    for _ in range(150):
        loss = language(language.embed_ids(ids), None, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss < 0.05
    return language.eval()


@pytest.fixture(scope="module")
def folder(trained, tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained") / "language"
    save_language(trained, folder, torch.float32)
    return folder


def answers(language):
    said = []
    for part, fault in QUESTIONS:
        prompt = language.embed_ids(language.token_ids(f"{part} {fault} ?", bos=True))
        said.append("".join(Stream(KVSession(language), prompt, Settings(("</s>",), max_new_tokens=6))))
    return said


def agreement(one, other):
    return sum(a == b for a, b in zip(one, other, strict=True)) / len(one)


@pytest.mark.parametrize(
    "precision",
    ["bf16", pytest.param("int8", marks=needs_bitsandbytes), pytest.param("int4", marks=needs_bitsandbytes)],
)
@pytest.mark.parametrize(
    "device",
    ["cpu", pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU"))],
)
def test_answers_agree_with_full_precision(trained, folder, precision, device):
    full = answers(trained)
    assert full == [answer_of(index) for index in range(len(QUESTIONS))]
    loaded = load_language(folder, trained.config, Placement(torch.device(device), precision)).eval()
    if precision != "bf16":
        linear = loaded.base.model.layers[0].mlp.up_proj
        assert linear.weight.dtype == (torch.int8 if precision == "int8" else torch.uint8)
        assert loaded.base.get_memory_footprint() < 0.75 * trained.base.get_memory_footprint()
        with pytest.raises(CheckpointError, match="quantised language model cannot be saved"):
            save_language(loaded, folder / "again", torch.float32)
    assert agreement(answers(loaded), full) >= 0.95


@needs_bitsandbytes
def test_a_whole_checkpoint_is_loaded_quantised(tiny_checkpoint, make_photo):
    inspector = anomalygpt.load(str(tiny_checkpoint), "cpu", "int8")
    assert inspector.model.eye.encoder.clip.visual.conv1.weight.dtype == torch.float32
    session = inspector.new_session()
    session.set_image(make_photo(1))
    assert isinstance("".join(session.ask("Where?", max_new_tokens=4)), str)


def test_on_the_cpu_half_precision_is_kept_or_widened(tiny_checkpoint):
    assert load_checkpoint(tiny_checkpoint).language.dtype == torch.float32
    assert load_checkpoint(tiny_checkpoint, Placement(precision="fp16")).language.dtype == torch.float16
    assert Placement(torch.device("meta")).dtype == "auto"


def test_weights_are_read_to_the_device_and_nothing_is_drawn(tiny_checkpoint, monkeypatch):
    """The skeleton has no memory of its own, and every tensor of the eye is read to its device at once."""
    seen, read = [], language_files.read_causal_model

    def spy(*arguments, **settings):
        with monkeypatch.context() as patch:
            patch.setattr(Placement, "places", lambda self, skeleton: seen.append(skeleton))
            return read(*arguments, **settings)

    monkeypatch.setattr(language_files, "read_causal_model", spy)
    load_checkpoint(tiny_checkpoint)
    assert all(parameter.is_meta for parameter in seen[0].parameters())


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"precision": "int3"}, "no precision 'int3'"),
        ({"precision": "int8", "device": torch.device("meta")}, "does not run on device 'meta'"),
        ({"gpu_bytes": 10**9, "device": torch.device("cuda")}, "which depends on --precision"),
        ({"gpu_bytes": 10**9}, "--max-memory divides .* the device is 'cpu'"),
    ],
)
def test_contradictions_are_refused_before_anything_is_read(settings, said, monkeypatch):
    monkeypatch.setattr(placement, "find_spec", lambda name: object())
    with pytest.raises(CheckpointError, match=said):
        Placement(**settings)


@pytest.mark.parametrize("precision", ["int8", "int4"])
def test_without_the_extra_quantising_is_refused(precision, monkeypatch, tiny_checkpoint):
    monkeypatch.setattr(placement, "find_spec", lambda name: None)
    with pytest.raises(CheckpointError, match="pip install bitsandbytes"):
        anomalygpt.load(str(tiny_checkpoint), "cpu", precision)


@pytest.mark.parametrize("precision", ["fp16", "bf16"])
def test_a_format_that_the_device_cannot_compute_in_is_refused(precision, monkeypatch):
    monkeypatch.setattr(placement, "_runs", lambda device, dtype: False)
    with pytest.raises(CheckpointError, match=f"cannot compute in {precision}.*fp32"):
        Placement(precision=precision)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_refused(tiny_checkpoint):
    with pytest.raises(CheckpointError, match="--device"):
        anomalygpt.load(str(tiny_checkpoint), "cuda", "bf16")


@pytest.mark.parametrize(("text", "size"), [("10GiB", 10 * 2**30), ("1.5 GB", 1_500_000_000), ("900mib", 900 * 2**20)])
def test_sizes_are_read(text, size):
    assert read_size(text) == size


@pytest.mark.parametrize("text", ["", "10", "10 apples", "-1GB", "0GB"])
def test_what_is_no_size_is_refused(text):
    with pytest.raises(CheckpointError, match="Write it like 10GiB"):
        read_size(text)


class TestSplit:
    """A language model of four layers, 4 MB each, divided among GPUs that need not be there."""

    LAYER = 4 * (4 * 256 * 256 + 3 * 256 * 1024)

    @pytest.fixture
    def skeleton(self):
        config = LanguageConfig(
            architecture={
                "vocab_size": 1000, "hidden_size": 256, "intermediate_size": 1024, "num_hidden_layers": 4,
                "num_attention_heads": 4, "max_position_embeddings": 64,
            }
        )  # fmt: skip
        with init_empty_weights():
            model = AutoModelForCausalLM.from_config(transformers_config(config))
        model.tie_weights()
        return model

    @pytest.fixture
    def on_gpu(self, monkeypatch):
        monkeypatch.setattr(placement, "_runs", lambda device, dtype: True)
        monkeypatch.setattr(placement, "find_spec", lambda name: object())
        return lambda precision="fp32": Placement(torch.device("cuda:0"), precision, 1)

    def test_two_smaller_gpus_share_it_and_the_prompt_lies_on_the_first(self, skeleton, on_gpu):
        places = split(skeleton, {0: 4 * self.LAYER, 1: 4 * self.LAYER}, on_gpu())
        assert places["model.embed_tokens"] == 0 and set(places.values()) == {0, 1}
        assert places["model.layers.3"] == 1

    def test_the_eyes_gpu_comes_first(self, skeleton, on_gpu):
        places = split(skeleton, {1: 4 * self.LAYER, 0: 4 * self.LAYER}, on_gpu())
        assert places["model.embed_tokens"] == 1 and places["model.layers.3"] == 0

    def test_what_does_not_fit_goes_to_the_cpus_memory(self, skeleton, on_gpu):
        places = split(skeleton, {0: 3 * self.LAYER}, on_gpu())
        assert places["model.embed_tokens"] == 0 and places["model.layers.3"] == "cpu"

    def test_half_precision_takes_half_the_room(self, skeleton, on_gpu):
        assert set(split(skeleton, {0: 4 * self.LAYER}, on_gpu("bf16")).values()) == {0}

    def test_not_even_the_embeddings_fit(self, skeleton, on_gpu):
        with pytest.raises(CheckpointError, match="embeddings of the language model"):
            split(skeleton, {0: 1000}, on_gpu())

    def test_quantised_layers_do_not_go_to_the_cpus_memory(self, skeleton, on_gpu):
        with pytest.raises(CheckpointError, match="quantised layers cannot lie"):
            split(skeleton, {0: int(0.9 * self.LAYER)}, on_gpu("int8"))


def test_layers_in_the_cpus_memory_take_no_adapters(tiny_checkpoint, trained, folder, monkeypatch):
    config = trained.config.model_copy(update={"lora": anomalygpt.config.LoRAConfig(rank=2, targets=("q_proj",))})

    def offloaded(*arguments, **settings):
        base, report = read(*arguments, **settings)
        base.hf_device_map = {"model.embed_tokens": 0, "model.layers.1": "cpu"}
        return base, report

    read = language_files.read_causal_model
    monkeypatch.setattr(language_files, "read_causal_model", offloaded)
    with pytest.raises(CheckpointError, match="merge the adapters"):
        load_language(folder, config, Placement())


def test_a_saved_quantised_model_is_refused_before_anything_is_written(tiny_inspector, tmp_path, monkeypatch):
    monkeypatch.setattr(tiny_inspector.model.language.base, "is_quantized", True, raising=False)
    with pytest.raises(CheckpointError, match="cannot be saved"):
        save_checkpoint(tiny_inspector.model, tmp_path / "out")
    assert not list((tmp_path / "out").iterdir())
