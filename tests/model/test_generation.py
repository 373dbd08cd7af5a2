import threading
from collections import Counter

import pytest
import torch

from anomalygpt.config import LanguageConfig
from anomalygpt.model.generation import SHORTEST_ROOM, ContextFull, KVSession, Settings, Stream
from anomalygpt.model.language import Language
from anomalygpt.model.tokenizer import train_tokenizer

STOP = "\n###"
END = 256


class ListCache(list):
    def get_seq_length(self):
        return len(self)

    def crop(self, surplus):
        del self[surplus:]


class ByteModel:
    """Says a script, a byte a token; a prompt ends with '>', after which the script begins anew."""

    end_ids = frozenset({END})

    def __init__(self, script: str | bytes | list[int], max_positions: int = 10_000):
        self.script = list(script.encode() if isinstance(script, str) else script)
        self.max_positions = max_positions
        self.fail_at = -1
        self.steps = 0

    def token_ids(self, text, bos=False):
        return torch.tensor([list(text.encode())], dtype=torch.long)

    def decode(self, ids):
        return bytes(index for index in ids if index < 256).decode(errors="replace")

    def embed_ids(self, ids):
        return ids[..., None].float()

    def new_cache(self):
        return ListCache()

    def step(self, embeddings, cache, keep=1):
        cache.extend(embeddings[0, :, 0].long().tolist())
        self.steps += 1
        return torch.stack([self.after(cache[: len(cache) - later]) for later in reversed(range(keep))])

    def after(self, read):
        said = len(read) - 1 - max(i for i, index in enumerate(read) if index == ord(">"))
        if said == self.fail_at:
            raise RuntimeError("out of memory")
        logits = torch.zeros(257)
        logits[self.script[said] if said < len(self.script) else END] = 9
        return logits


def prompt(model, text="Q>"):
    return model.embed_ids(model.token_ids(text))


def ask(script, settings=None, **changes):
    model = ByteModel(script)
    session = KVSession(model)
    stream = Stream(session, prompt(model), settings or Settings((STOP,), **changes))
    return stream, list(stream), bytes(session._cache).decode(errors="replace")


def test_an_answer_ends_at_the_stop_string_which_is_read_but_never_shown():
    stream, pieces, held = ask("Yes.\n### Human: more")
    assert pieces == ["Y", "e", "s", "."]
    assert (stream.text, stream.reason, stream.finished) == ("Yes.", "stop", True)
    assert held == "Q>Yes.\n###"


def test_odds_of_a_plan_count_with_the_models_own():
    among = (ord("a"), ord("b"))  # the model is for b, by 9
    for odds, planned in (((8.0, 0.0), "b"), ((10.0, 0.0), "a")):
        stream, _, _ = ask([ord("b"), *b"Yes.\n###"], plan=among, odds=odds)
        assert stream.plan == ord(planned)


def test_what_may_not_follow_is_passed_over_for_the_next_likeliest():
    def allow(plan, text, piece):
        return piece not in "13" or not text.endswith("x")

    stream, _, held = ask("5x1.\n###", allow=allow)
    assert (stream.text, held) == ("5x\x00.", "Q>5x\x00.\n###")
    sampled, _, _ = ask("5x1.\n###", allow=allow, temperature=0.1, top_p=0.9, seed=1)
    assert "x1" not in sampled.text and sampled.finished


@pytest.mark.parametrize(("odds", "steps"), [((0.0, 1.0), 1), ((1.0, 0.0), 2)])
def test_a_plan_that_the_odds_foresaw_costs_no_step(odds, steps):
    model = ByteModel([ord("b"), *b"Yes.\n###"])  # the model is for b, by 9
    session = KVSession(model)
    plan, logits = session.append_planned(prompt(model), (ord("a"), ord("b")), odds)
    assert (plan, int(logits.argmax()), model.steps) == (ord("b"), ord("Y"), steps)
    assert bytes(session._cache) == b"Q>b"


def test_the_likeliest_plan_is_read_first_and_never_shown():
    stream, pieces, held = ask([ord("b"), *b"Yes.\n###"], plan=(ord("a"), ord("b")), temperature=0.5, seed=1)
    assert (stream.plan, "".join(pieces), held) == (ord("b"), "Yes.", "Q>bYes.\n###")
    unplanned, _, _ = ask("Yes.\n###")
    assert unplanned.plan is None


def test_what_only_begins_like_a_stop_string_is_shown_once_that_is_clear():
    _, pieces, held = ask("a\n##b\n\n###")
    assert pieces == ["a", "\n##b", "\n"]
    assert held == "Q>a\n##b\n\n###"


def test_characters_are_whole():
    text = "有划痕 é 😀."
    _, pieces, held = ask(text + STOP)
    assert pieces == list(text)
    assert held == "Q>" + text + STOP


def test_bytes_that_are_no_character_do_not_stop_the_stream():
    stream, pieces, _ = ask(b"a\xff\xfe\xff\xffb" + STOP.encode())
    assert stream.finished
    assert pieces[0] == "a" and pieces[-1].endswith("b")


def test_an_end_token_counts_as_the_stop_string():
    stream, pieces, held = ask([*b"Yes.", END])
    assert "".join(pieces) == "Yes." and stream.finished
    assert held == "Q>Yes.\n###"


@pytest.mark.parametrize(
    ("script", "shown"),
    [
        ("Yes", "Yes"),
        ("Yes.\n", "Yes."),
        ("Yes.\n##", "Yes."),
        ("Yes.\n#有", "Yes.\n#有"),
        ("有\n#\n", "有\n#"),
    ],
)
def test_an_answer_cut_off_is_closed_well_formed(script, shown):
    limit = len(script.encode())
    stream, pieces, held = ask(script + "and so on", max_new_tokens=limit)
    assert "".join(pieces) == shown == stream.text
    assert (stream.reason, stream.finished, stream.tokens) == ("length", False, limit)
    assert held == "Q>" + shown + STOP


def test_a_character_cut_in_two_leaves_no_half_behind():
    stream, pieces, held = ask("a有", max_new_tokens=3)
    assert pieces == ["a"] and stream.reason == "length"
    assert held == "Q>a\n###"


def test_the_earliest_of_several_stop_strings_counts_and_the_formats_own_is_read():
    stream, pieces, held = ask("Yes.</end>\n###", Settings((STOP, "</end>")))
    assert "".join(pieces) == "Yes." and stream.finished
    assert held == "Q>Yes.\n###"


def test_cancelling_ends_the_answer_and_the_next_turn_goes_on():
    model = ByteModel("a long answer" + STOP)
    session, cancel = KVSession(model), threading.Event()
    stream = Stream(session, prompt(model), Settings((STOP,)), cancel)
    assert [next(stream), next(stream)] == ["a", " "]
    cancel.set()
    assert list(stream) == []
    assert (stream.reason, stream.text) == ("cancelled", "a ")
    assert "".join(Stream(session, prompt(model, " Q2>"), Settings((STOP,)))) == "a long answer"
    assert bytes(session._cache) == b"Q>a \n### Q2>a long answer\n###"


@pytest.mark.parametrize("leave", ["close", "drop"])
def test_leaving_the_stream_cancels_it(leave):
    model = ByteModel("Yes." + STOP)
    session = KVSession(model)
    stream = Stream(session, prompt(model), Settings((STOP,)))
    next(stream)
    if leave == "close":
        stream.close()
        assert stream.reason == "cancelled" and list(stream) == []
    del stream
    assert bytes(session._cache) == b"Q>Y\n###"
    assert "".join(Stream(session, prompt(model), Settings((STOP,)))) == "Yes."


def test_closing_a_stream_that_has_not_begun_reads_nothing():
    model = ByteModel("Yes." + STOP)
    session = KVSession(model)
    stream = Stream(session, prompt(model), Settings((STOP,)))
    stream.close()
    assert stream.reason == "cancelled" and session.length == 0


def test_one_answer_at_a_time_in_one_conversation():
    model = ByteModel("Yes." + STOP)
    session = KVSession(model)
    first = Stream(session, prompt(model), Settings((STOP,)))
    next(first)
    with pytest.raises(RuntimeError, match="still answering"):
        next(Stream(session, prompt(model), Settings((STOP,))))
    assert "".join(first) == "es."


def test_a_failing_model_leaves_the_session_as_it_was():
    model = ByteModel("Yes." + STOP)
    session = KVSession(model)
    list(Stream(session, prompt(model), Settings((STOP,))))
    mark = bytes(session._cache)
    model.fail_at = 2
    stream = Stream(session, prompt(model, " Q2>"), Settings((STOP,)))
    with pytest.raises(RuntimeError, match="out of memory"):
        list(stream)
    assert bytes(session._cache) == mark and stream.text == "Ye"
    model.fail_at = -1
    assert "".join(Stream(session, prompt(model, " Q2>"), Settings((STOP,)))) == "Yes."


def test_undo_forgets_exactly_one_turn():
    model = ByteModel("Yes." + STOP)
    session = KVSession(model)
    list(Stream(session, prompt(model), Settings((STOP,))))
    mark = session.checkpoint()
    list(Stream(session, prompt(model, " Q2>"), Settings((STOP,))))
    assert session.length > mark
    session.restore(mark)
    assert bytes(session._cache) == b"Q>Yes.\n###"
    with pytest.raises(ValueError, match="no mark"):
        session.restore(mark + 1)


def test_a_prompt_without_room_is_refused_before_it_is_read():
    model = ByteModel("Yes." + STOP, max_positions=200)
    session = KVSession(model)
    with pytest.raises(ContextFull, match="Clear the chat"):
        for turn in range(100):
            before = session.length
            list(Stream(session, prompt(model, f"question {turn}>"), Settings((STOP,))))
    assert turn > 2 and session.length == before <= 200
    with pytest.raises(ContextFull, match="Clear the chat"):
        session.append(prompt(model, "x" * 200))
    assert session.length == before


def test_an_answer_that_meets_the_end_of_the_context_is_closed():
    model = ByteModel("ab" * 200, max_positions=SHORTEST_ROOM + 60)
    session = KVSession(model)
    stream = Stream(session, prompt(model), Settings((STOP,), max_new_tokens=1000))
    text = "".join(stream)
    assert stream.reason == "context" and len(text) >= SHORTEST_ROOM
    assert bytes(session._cache) == b"Q>" + text.encode() + STOP.encode()
    assert session.length <= model.max_positions


def test_a_model_without_numbers_is_reported():
    model = ByteModel("Yes.")
    model.step = lambda embeddings, cache, keep: torch.full((keep, 257), torch.nan)
    with pytest.raises(FloatingPointError, match="bfloat16"):
        next(Stream(KVSession(model), prompt(model), Settings((STOP,))))


@pytest.mark.parametrize(
    "wrong",
    [{"stop": ()}, {"stop": ("",)}, {"temperature": -0.1}, {"top_p": 0.0}, {"top_p": 1.1}, {"max_new_tokens": 0}],
)
def test_impossible_settings_are_refused(wrong):
    with pytest.raises(ValueError):
        Settings(**{"stop": (STOP,), **wrong})


class Dice(ByteModel):
    """Always gives the same four letters the probabilities 0.5, 0.3, 0.15 and 0.05."""

    def after(self, read):
        logits = torch.full((257,), -torch.inf)
        logits[torch.tensor(list(b"dacb"))] = torch.tensor([0.5, 0.3, 0.15, 0.05]).log()
        return logits


def throw(temperature, top_p, seed, count=2000):
    model = Dice("")
    settings = Settings((STOP,), temperature, top_p, count, seed)
    return "".join(Stream(KVSession(model), prompt(model), settings))


def test_sampling_follows_the_probabilities():
    shares = {letter: count / 2000 for letter, count in Counter(throw(1.0, 1.0, 1)).items()}
    expected = {"d": 0.5, "a": 0.3, "c": 0.15, "b": 0.05}
    assert shares.keys() == expected.keys()
    assert all(abs(shares[letter] - expected[letter]) < 0.04 for letter in expected)


def test_top_p_keeps_the_fewest_tokens_that_reach_it():
    assert set(throw(1.0, 0.5, 1)) == {"d"}
    assert set(throw(1.0, 0.51, 1)) == {"d", "a"}
    assert set(throw(1.0, 0.9, 1)) == {"d", "a", "c"}
    assert abs(throw(1.0, 0.8, 1).count("d") / 2000 - 0.5 / 0.8) < 0.04


def test_temperature_sharpens_and_zero_is_greedy():
    assert throw(0.5, 1.0, 1).count("d") > throw(1.0, 1.0, 1).count("d") + 200
    assert set(throw(0.0, 1.0, None, 50)) == {"d"}


def test_a_seed_repeats_the_answer_and_no_seed_does_not():
    assert throw(1.0, 1.0, 5, 50) == throw(1.0, 1.0, 5, 50) != throw(1.0, 1.0, 6, 50)
    assert throw(1.0, 1.0, None, 50) != throw(1.0, 1.0, None, 50)


@pytest.fixture(scope="module")
def language():
    words = "Is there any anomaly? Yes, there is a scratch at the top left. No. 有没有异常 是的 划痕。"
    tokenizer = train_tokenizer([words] * 5, 340)
    architecture = {
        "vocab_size": len(tokenizer),
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 512,
        "initializer_range": 0.3,
    }
    torch.manual_seed(3)
    return Language(LanguageConfig(architecture=architecture), tokenizer).eval()


class RecordingSession(KVSession):
    """Also keeps every embedding that it has read."""

    def __init__(self, language):
        super().__init__(language)
        self.history = torch.zeros(1, 0, language.hidden_size)

    def append(self, embeddings):
        self.history = torch.cat([self.history, embeddings.detach()], 1)
        return super().append(embeddings)

    def restore(self, mark):
        super().restore(mark)
        self.history = self.history[:, :mark]


@torch.no_grad()
def greedy_from_scratch(language, embeddings, count):
    """Greedy tokens without any cache and without anything of generation.py."""
    ids = []
    for _ in range(count):
        index = int(language(embeddings)[0, -1].argmax())
        if index in language.end_ids:
            break
        ids.append(index)
        embeddings = torch.cat([embeddings, language.embed_ids(torch.tensor([[index]]))], 1)
    return language.decode(ids)


def embed(language, text, bos=False):
    return language.embed_ids(language.token_ids(text, bos))


def test_greedy_answers_are_the_same_with_the_kept_cache_and_from_scratch(language):
    session = RecordingSession(language)
    image = torch.randn(1, 4, 32, generator=torch.Generator().manual_seed(0))
    first = torch.cat([embed(language, "### Human: ", bos=True), image, embed(language, "Is it?\n###")], 1)
    answers = []
    for turn in range(4):
        new = first if turn == 0 else embed(language, f" Human: and {turn}?\n### Assistant:")
        expected = greedy_from_scratch(language, torch.cat([session.history, new], 1), 12 + turn)
        answer = "".join(Stream(session, new, Settings((STOP,), max_new_tokens=12 + turn)))
        # Bytes that are no whole character yet, or may begin a stop string, are not shown when the limit cuts there.
        assert answer and expected.startswith(answer) and len(expected) - len(answer) <= 3
        assert session.history.shape[1] == session.length
        answers.append(answer)
    assert len(set(answers)) > 1


def test_after_undo_the_same_question_gets_the_same_answer(language):
    session = KVSession(language)
    settings = Settings((STOP,), max_new_tokens=10)
    list(Stream(session, embed(language, "Is there any anomaly?"), settings))
    mark = session.checkpoint()
    first = "".join(Stream(session, embed(language, " Human: Where?"), settings))
    session.restore(mark)
    assert "".join(Stream(session, embed(language, " Human: Where?"), settings)) == first


def test_many_conversations_share_one_model(language):
    def talk(number):
        session, settings = KVSession(language), Settings((STOP,), 0.8, 0.9, 10, seed=number)
        return ["".join(Stream(session, embed(language, f"{number} {turn}?"), settings)) for turn in range(3)]

    alone = [talk(number) for number in range(6)]
    together = [None] * 6

    def run(number):
        together[number] = talk(number)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert together == alone


def test_nothing_of_a_stream_leaks_into_its_reader(language):
    stream = Stream(KVSession(language), embed(language, "Is it?"), Settings((STOP,), max_new_tokens=5))
    for _ in stream:
        assert not torch.is_inference_mode_enabled() and torch.is_grad_enabled()
