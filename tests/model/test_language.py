import pytest
import torch
from torch.nn.functional import cross_entropy, log_softmax
from transformers import AutoModelForCausalLM

from anomalygpt.config import LanguageConfig, LoRAConfig, load_preset
from anomalygpt.model.language import IGNORED, Language, transformers_config
from anomalygpt.model.tokenizer import train_tokenizer

ARCHITECTURE = {
    "vocab_size": 300,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 64,
    "initializer_range": 0.2,
}


@pytest.fixture(scope="module")
def tokenizer():
    return train_tokenizer(["Is there any anomaly in the image? Yes, there is a scratch. 有划痕。"] * 5, 300)


@pytest.fixture(scope="module")
def language(tokenizer):
    torch.manual_seed(0)
    return Language(LanguageConfig(architecture=ARCHITECTURE), tokenizer).eval()


def test_vicunas_size_takes_no_memory_on_the_meta_device(tokenizer):
    config = load_preset("vicuna-7b").language
    with torch.device("meta"):
        language = Language(config, tokenizer)
    assert language.device.type == "meta"
    assert language.hidden_size == 4096
    shapes = {name: tuple(tensor.shape) for name, tensor in language.model.state_dict().items()}
    inside = "base_model.model.model.layers.31.self_attn"
    for name in ("q_proj", "k_proj", "v_proj", "o_proj"):
        assert shapes[f"{inside}.{name}.lora_A.default.weight"] == (32, 4096)
        assert shapes[f"{inside}.{name}.lora_B.default.weight"] == (4096, 32)
    trained = sum(parameter.numel() for parameter in language.parameters() if parameter.requires_grad)
    assert trained == 32 * 4 * 2 * 32 * 4096
    whole = sum(parameter.numel() for parameter in language.base.parameters()) - trained
    assert whole == 6_738_415_616


def test_attention_is_torchs_own(language):
    assert language.base.config._attn_implementation == "sdpa"


def test_another_architecture_of_transformers_fits(tokenizer):
    config = LanguageConfig(architecture={"model_type": "qwen2", **ARCHITECTURE})
    language = Language(config, tokenizer)
    assert type(language.base).__name__ == "Qwen2ForCausalLM"
    assert language(language.embed_ids(language.token_ids("Yes"))).shape[-1] == 300


def test_a_loaded_model_is_used_as_it_is(language, tokenizer):
    model = AutoModelForCausalLM.from_config(transformers_config(language.config))
    assert Language(language.config, tokenizer, model).base is model


def test_text_goes_there_and_back(language):
    ids = language.token_ids("Is it 12 %? 划痕\n### </s>")
    assert ids.dtype == torch.long and ids.shape[0] == 1
    assert language.decode(ids[0].tolist()) == "Is it 12 %? 划痕\n### </s>"
    assert language.token_ids("").shape == (1, 0)
    assert language.decode(language.token_ids("a\ud800b")[0].tolist()) == "a?b"


def test_the_beginning_token_stands_in_front(language, tokenizer):
    plain, begun = language.token_ids("Yes"), language.token_ids("Yes", bos=True)
    assert begun[0, 0] == tokenizer.bos_token_id
    assert torch.equal(begun[:, 1:], plain)


def test_the_loss_is_the_cross_entropy_of_the_labelled_tokens(language):
    ids = torch.randint(3, 300, (2, 9), generator=torch.Generator().manual_seed(1))
    mask = torch.ones_like(ids)
    mask[1, 6:] = 0
    labels = ids.clone()
    labels[:, :4] = IGNORED
    labels[1, 6:] = IGNORED
    embeddings = language.embed_ids(ids)
    logits = language(embeddings, mask)
    loss = language(embeddings, mask, labels)
    by_hand = [-log_softmax(logits[b, t - 1], -1)[ids[b, t]] for b, end in ((0, 9), (1, 6)) for t in range(4, end)]
    assert torch.allclose(loss, torch.stack(by_hand).mean(), atol=1e-5)
    weights = 1 + 3 * (torch.arange(9) == 4).float().expand(2, 9)
    by_weight = (torch.stack(by_hand).sum() + 3 * (by_hand[0] + by_hand[5])) / (len(by_hand) + 6)
    assert torch.allclose(language(embeddings, mask, labels, weights=weights), by_weight, atol=1e-5)


def test_padding_on_the_right_changes_nothing(language):
    ids = language.token_ids("there is a scratch")
    padded = torch.cat([ids, torch.zeros(1, 5, dtype=torch.long)], 1)
    mask = (torch.arange(padded.shape[1]) < ids.shape[1]).long()[None]
    short, long = language(language.embed_ids(ids)), language(language.embed_ids(padded), mask)
    assert torch.allclose(short, long[:, : ids.shape[1]], atol=1e-5)


def test_the_loss_reaches_the_embeddings_and_can_be_lowered(tokenizer):
    torch.manual_seed(0)
    language = Language(LanguageConfig(architecture=ARCHITECTURE), tokenizer)
    ids = language.token_ids("Yes, there is a scratch.")
    vector = torch.randn(1, 1, 32, requires_grad=True)
    labels = torch.cat([torch.full((1, 1), IGNORED), ids], 1)
    optimizer = torch.optim.Adam(language.parameters(), 1e-2)
    losses = []
    for _ in range(30):
        loss = language(torch.cat([vector, language.embed_ids(ids)], 1), None, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert vector.grad.abs().sum() > 0
    assert losses[-1] < losses[0] / 5


def test_nothing_labelled_is_a_loss_of_zero(language):
    embeddings = language.embed_ids(language.token_ids("Yes"))
    loss = language(embeddings, None, torch.full(embeddings.shape[:2], IGNORED))
    assert loss == 0
    loss.backward()


def test_a_step_reads_into_the_cache(language):
    embeddings = language.embed_ids(language.token_ids("there is a scratch"))
    cache = language.new_cache()
    language.step(embeddings[:, :3], cache)
    logits = language.step(embeddings[:, 3:], cache)
    assert cache.get_seq_length() == embeddings.shape[1]
    assert torch.allclose(logits, language(embeddings)[0, -1:], atol=1e-5)
    again = language.new_cache()
    assert torch.allclose(language.step(embeddings, again, 2), language(embeddings)[0, -2:], atol=1e-5)


def test_a_failing_step_leaves_the_cache_as_it_was(tokenizer, monkeypatch):
    torch.manual_seed(0)
    language = Language(LanguageConfig(architecture=ARCHITECTURE), tokenizer).eval()
    embeddings, cache = language.embed_ids(language.token_ids("there is a scratch")), language.new_cache()
    language.step(embeddings[:, :3], cache)

    def fail(*inputs, **settings):
        raise RuntimeError("out of memory")

    with monkeypatch.context() as patch:
        patch.setattr(language.base.model.layers[1], "forward", fail)
        with pytest.raises(RuntimeError, match="out of memory"):
            language.step(embeddings[:, 3:], cache)
    assert [layer.get_seq_length() for layer in cache.layers] == [3, 3]
    assert torch.allclose(language.step(embeddings[:, 3:], cache), language(embeddings)[0, -1], atol=1e-5)


def test_adapters_alone_are_trainable_and_start_without_effect(tokenizer):
    torch.manual_seed(0)
    plain = Language(LanguageConfig(architecture=ARCHITECTURE), tokenizer).eval()
    config = LanguageConfig(architecture=ARCHITECTURE, lora=LoRAConfig(rank=4, targets=("q_proj", "v_proj")))
    torch.manual_seed(0)
    adapted = Language(config, tokenizer).eval()
    embeddings = plain.embed_ids(plain.token_ids("Yes, there is")).detach()
    assert torch.allclose(adapted(embeddings), plain(embeddings), atol=1e-6)
    trainable = [name for name, parameter in adapted.named_parameters() if parameter.requires_grad]
    assert len(trainable) == 2 * 2 * 2 and all("lora_" in name for name in trainable)
    labels = adapted.token_ids("Yes, there is")
    adapted(embeddings, None, labels).backward()
    assert adapted.get_parameter(trainable[1]).grad.abs().sum() > 0


def test_a_tokenizer_of_another_model_is_refused(tokenizer):
    with pytest.raises(ValueError, match=r"tokens and the language model 280 embeddings"):
        Language(LanguageConfig(architecture={**ARCHITECTURE, "vocab_size": 280}), tokenizer)


def test_half_precision_takes_any_embeddings(tokenizer):
    torch.manual_seed(0)
    language = Language(LanguageConfig(architecture=ARCHITECTURE), tokenizer).to(torch.bfloat16)
    ids = language.token_ids("Yes, there")
    assert language.dtype == torch.bfloat16
    vectors = language.embed_ids(ids).float()
    assert language.step(vectors, language.new_cache()).dtype == torch.float32
    loss = language(vectors, None, ids)
    assert loss.dtype == torch.float32
    expected = cross_entropy(language(vectors).float()[0, :-1], ids[0, 1:])
    assert torch.allclose(loss, expected, atol=1e-2)
