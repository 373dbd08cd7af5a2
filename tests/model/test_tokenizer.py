import random

import pytest
from transformers import AutoTokenizer, LlamaConfig

from anomalygpt.model.tokenizer import SPECIAL_TOKENS, train_tokenizer

CORPUS = [
    "### Human: Is there any anomaly in the image?\n### Assistant: Yes, there is a scratch at the top left.\n###",
    "### Human: 图中有没有异常?\n### Assistant: 有,左上角有一处划痕,约占百分之十二。\n###",
    "It covers 12 % of the part, 340 pixels; the nut is bent.",
] * 10


@pytest.fixture(scope="module")
def tokenizer():
    return train_tokenizer(CORPUS, 420)


def random_text(rng: random.Random) -> str:
    ranges = [(0, 0x7F), (0x80, 0x24F), (0x300, 0x36F), (0x4E00, 0x9FFF), (0x2000, 0x206F), (0xE000, 0x10FFFF)]
    characters = [chr(rng.randint(*rng.choice(ranges))) for _ in range(rng.randint(0, 40))]
    pieces = ["  ", "\n###", "</s>", "<s>", "12.5", "\r\n\t", "\ufffd", " the ", "异常"]
    return "".join(rng.choice([*characters, *pieces]) for _ in range(rng.randint(0, 60)))


def decode(tokenizer, ids):
    return tokenizer.decode(ids, clean_up_tokenization_spaces=False)


def test_any_string_survives_encoding_and_decoding(tokenizer):
    rng = random.Random(7)
    for _ in range(500):
        text = random_text(rng)
        assert decode(tokenizer, tokenizer.encode(text, add_special_tokens=False)) == text


def test_every_byte_has_a_token_of_its_own(tokenizer):
    untrained = train_tokenizer(["a"], 300)
    assert len(untrained) == 256 + len(SPECIAL_TOKENS)
    for character in map(chr, [*range(256), 0x6F22, 0x1F600]):
        ids = untrained.encode(character, add_special_tokens=False)
        assert len(ids) == len(character.encode())
        assert decode(untrained, ids) == character


def test_digits_stand_alone(tokenizer):
    tokens = tokenizer.convert_ids_to_tokens(tokenizer.encode("12 %, 340 pixels", add_special_tokens=False))
    assert [token for token in tokens if any(sign.isdigit() for sign in token)] == list("12340")


def test_latin_and_chinese_never_share_a_token_and_tokens_stay_short(tokenizer):
    for token, index in tokenizer.get_vocab().items():
        text = decode(tokenizer, [index])
        assert not (any("a" <= sign <= "z" for sign in text) and any("\u4e00" <= sign <= "\u9fff" for sign in text))
        assert index < len(SPECIAL_TOKENS) or len(token) <= 12


def test_the_corpus_is_compressed(tokenizer):
    text = "Is there any anomaly in the image?"
    assert len(tokenizer.encode(text, add_special_tokens=False)) < len(text) / 3


def test_the_stop_string_is_cut_the_same_after_any_word(tokenizer):
    stop = tokenizer.encode("\n###", add_special_tokens=False)
    for text in ["Yes.", "12", "划痕", "(a)"]:
        assert tokenizer.encode(text + "\n###", add_special_tokens=False)[-len(stop) :] == stop


def test_special_tokens_have_llamas_ids_and_cannot_be_typed(tokenizer):
    config = LlamaConfig()
    assert (tokenizer.bos_token_id, tokenizer.eos_token_id) == (config.bos_token_id, config.eos_token_id)
    ids = tokenizer.encode("<s></s><pad>", add_special_tokens=False)
    assert not set(ids) & set(tokenizer.all_special_ids)


def test_auto_tokenizer_loads_the_folder_of_a_llama(tokenizer, tmp_path):
    tokenizer.save_pretrained(tmp_path)
    LlamaConfig(vocab_size=len(tokenizer)).save_pretrained(tmp_path)
    loaded = AutoTokenizer.from_pretrained(tmp_path)
    assert (tmp_path / "tokenizer.json").exists()
    rng = random.Random(8)
    for _ in range(100):
        text = random_text(rng)
        ids = loaded.encode(text, add_special_tokens=False)
        assert ids == tokenizer.encode(text, add_special_tokens=False)
        assert decode(loaded, ids) == text


def test_training_is_deterministic(tokenizer):
    assert train_tokenizer(iter(CORPUS), 420).get_vocab() == tokenizer.get_vocab()


def test_too_small_a_vocabulary_is_refused():
    with pytest.raises(ValueError, match="at least 259"):
        train_tokenizer(CORPUS, 258)
