import pytest

from anomalygpt.dialogue.verdict import detect_language
from anomalygpt.records import Turn
from anomalygpt.web.suggestions import MOST, next_questions


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("verdict", [True, False, None])
def test_suggestions_are_in_the_language_asked_for(language, verdict):
    turns = [Turn("?", "!")]
    for suggested in (next_questions((), None, language), next_questions(turns, verdict, language)):
        assert 2 <= len(suggested) <= MOST
        assert all(detect_language(question) == language for question in suggested)


def test_suggestions_fit_the_verdict():
    turns = [Turn("Is there any anomaly in the image?", "Yes.", True)]
    assert "Where is it?" in next_questions(turns, True, "en")
    assert "Where is it?" not in next_questions(turns, False, "en")


def test_what_was_asked_is_not_suggested_again():
    turns = []
    seen = set()
    for _ in range(12):
        suggested = next_questions(turns, True if turns else None, "en")
        if not suggested:
            break
        assert seen.isdisjoint(suggested[:1])
        seen.add(suggested[0])
        turns.append(Turn(suggested[0], "Yes.", True))
    assert next_questions(turns, True, "en") == () and len(seen) > MOST
