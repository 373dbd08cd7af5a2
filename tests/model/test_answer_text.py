import random

from anomalygpt.model.answer_text import AnswerText

STOP = "\n###"


def pieces_of(tokens, stop=(STOP,), strip=False):
    """Pushes tokens (bytes each) and gives what is shown; `strip` as sentencepiece does, which drops a first space."""

    def decode(ids):
        text = b"".join(tokens[index] for index in ids).decode(errors="replace")
        return text.removeprefix(" ") if strip else text

    answer = AnswerText(decode, stop)
    return [answer.push(index) for index in range(len(tokens))], answer


def test_a_token_that_reaches_beyond_the_stop_string_is_replaced_by_it():
    shown, answer = pieces_of([b"No", b".", b"\n### Human"])
    assert shown == ["No", ".", ""] and answer.stopped
    assert answer.ending() == (2, STOP)


def test_a_token_that_holds_the_end_and_the_stop_string_is_taken_apart():
    shown, answer = pieces_of([b"No", b" way.\n###:"])
    assert shown == ["No", " way."] and answer.stopped
    assert answer.ending() == (1, " way." + STOP)


def test_a_stop_string_written_by_the_model_stays_as_its_tokens():
    _, answer = pieces_of([b"No", b".\n", b"###"])
    assert answer.ending() == (3, "")


def test_spaces_between_words_survive_a_tokenizer_that_drops_the_first():
    shown, _ = pieces_of([b" Yes", b",", b" a", b" scratch"], strip=True)
    assert "".join(shown) == "Yes, a scratch"


def test_however_the_bytes_are_cut_the_same_is_shown_and_kept():
    rng = random.Random(5)
    text = "Yes, 有划痕 😀 \n# at the top.\n\n##left"
    for stopped in (True, False):
        data = (text + (STOP if stopped else "")).encode()
        for _ in range(200):
            cuts = sorted(rng.sample(range(1, len(data)), rng.randint(3, len(data) - 1)))
            tokens = [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]
            shown, answer = pieces_of(tokens)
            assert "".join(shown) == text and answer.stopped == stopped
            kept, rest = answer.ending()
            assert b"".join(tokens[:kept]) + rest.encode() == (text + STOP).encode()
            # Cut off at any earlier token, what is kept and added is always what was shown, and the stop string.
            length = rng.randint(1, len(tokens) - 1)
            shown, answer = pieces_of(tokens[:length])
            kept, rest = answer.ending()
            assert b"".join(tokens[:kept]) + rest.encode() == ("".join(shown) + STOP).encode()
