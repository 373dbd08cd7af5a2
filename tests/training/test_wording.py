"""Dialogues as token ids: what is learned, and questions that are cut at chance places."""

import numpy as np
import pytest

from anomalygpt.dialogue import PromptFormat
from anomalygpt.model.language import IGNORED, Language
from anomalygpt.model.tokenizer import train_tokenizer
from anomalygpt.records import Evidence, Turn
from anomalygpt.training.wording import word

EVIDENCE = Evidence(0.12, (), 64, 48, 1)
TURNS = [
    Turn("Is there any anomaly in the image?", "No, I see none.", kind="presence"),
    Turn("What about the top left?", "Nothing there either.", kind="place"),
]


@pytest.fixture(scope="module")
def prompt_format(small_config):
    return PromptFormat(small_config.prompt_format)


@pytest.fixture(scope="module")
def language(small_config, prompt_format):
    corpus = [text for turn in TURNS for text in (turn.question, turn.answer)] * 8
    tokenizer = train_tokenizer(corpus, 400, list(prompt_format.plans))
    return Language(small_config.language, tokenizer)


def test_answers_with_plan_and_stop_string_are_learned_and_nothing_else(language, prompt_format):
    wording = word(TURNS, "", EVIDENCE, language, prompt_format, 3)
    learned = [index for index, label in zip(wording.ids, wording.labels, strict=True) if label != IGNORED]
    said = "".join(prompt_format.config.lead + turn.answer + prompt_format.stop for turn in TURNS)
    assert language.decode(learned) == said
    assert [index for index in learned if index in language.special_ids(list(prompt_format.plans))] == (
        language.special_ids(["<|presence|>", "<|place|>"])
    )


def test_cut_questions_read_the_same_in_more_tokens_and_answers_stay_whole(language, prompt_format):
    whole = word(TURNS, "a nut", EVIDENCE, language, prompt_format, 3)
    lengths = set()
    for seed in range(20):
        cut = word(TURNS, "a nut", EVIDENCE, language, prompt_format, 3, np.random.default_rng(seed))
        assert language.decode(cut.ids) == language.decode(whole.ids)
        assert [label for label in cut.labels if label != IGNORED] == [i for i in whole.labels if i != IGNORED]
        assert (cut.image_at, cut.prompt_at) == (whole.image_at, whole.prompt_at)
        again = word(TURNS, "a nut", EVIDENCE, language, prompt_format, 3, np.random.default_rng(seed))
        assert again == cut
        lengths.add(len(cut.ids))
    assert min(lengths) == len(whole.ids) and len(lengths) > 3
