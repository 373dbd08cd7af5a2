"""Pieces of questions and their kinds."""

import pytest
import torch

from anomalygpt.config import ConfigError, load_preset
from anomalygpt.config.schema import AnomalyGPTConfig, QuestionReaderConfig
from anomalygpt.model.question_reader import QuestionReader, text_pieces


def reader(kinds=("where", "size"), **changes):
    return QuestionReader(QuestionReaderConfig(kinds=kinds, **changes))


def test_pieces_are_runs_words_and_pairs_in_small_letters_whatever_the_width_of_the_characters():
    pieces = text_pieces("Ｗhere  IS it?", 3)
    assert {"w", "whe", " it", "=where", "=where is", "=it ?"} <= set(pieces)
    assert len(pieces) == len(set(pieces)) and max(len(piece) for piece in pieces if piece[0] != "=") == 3
    assert {"在", "在哪", "在哪里"} <= set(text_pieces("在哪里？", 3))
    assert text_pieces("", 3), "even nothing has its blank"


def test_untrained_it_holds_all_kinds_equally_likely():
    chances = reader(("where", "size", "kind")).log_chances("where is it?")
    assert list(chances) == ["where", "size", "kind"]
    assert all(torch.tensor(value).exp().item() == pytest.approx(1 / 3) for value in chances.values())


def test_a_batch_is_read_as_each_question_alone():
    model = reader(buckets=64)
    torch.manual_seed(0)
    torch.nn.init.normal_(model.weight)
    questions = [model.buckets(text) for text in ("where?", "how large is the second one?", "在哪里？")]
    together = model(questions)
    for row, question in zip(together, questions, strict=True):
        assert torch.allclose(row, model([question])[0], atol=1e-5)


def test_a_few_steps_teach_it_words_and_their_relatives():
    model = reader()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)
    texts = ["where does it lie", "its location", "how large is it", "its largeness"]
    for _ in range(30):
        loss = torch.nn.functional.cross_entropy(model([model.buckets(t) for t in texts]), torch.tensor([0, 0, 1, 1]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    for text, kind in (("locate the flaw", "where"), ("wher does it sit", "where"), ("the enlargement?", "size")):
        chances = model.log_chances(text)
        assert max(chances, key=chances.get) == kind, text


def test_a_reader_needs_plans():
    content = load_preset("embedded").model_dump() | {"question_reader": {"kinds": ["where"]}}
    AnomalyGPTConfig.model_validate(content)
    content["prompt_format"]["plan"] = False
    with pytest.raises((ConfigError, ValueError), match="needs prompt_format"):
        AnomalyGPTConfig.model_validate(content)
