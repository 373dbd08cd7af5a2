import threading

from anomalygpt.web.sessions import Visitors

QUESTION = "Is there any anomaly in the image?"


def answer(visitor, question=QUESTION):
    for _ in visitor.ask(question):
        pass
    return visitor.turns[-1]


def test_visitors_at_once_keep_their_own_photos_and_turns(tiny_inspector, make_photo):
    visitors = Visitors(tiny_inspector.new_session)
    sizes = {f"visitor {i}": (60 + 10 * i, 50) for i in range(6)}
    paths = {key: make_photo(i, f"{i}.png", size) for i, (key, size) in enumerate(sizes.items())}
    failures = []

    def visit(key):
        try:
            visitors.get(key).set_photo(paths[key])
            for number in range(2):
                answer(visitors.get(key), f"Question {number} of {key}?")
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=visit, args=(key,)) for key in sizes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == [] and len(visitors) == 6
    for key, (width, height) in sizes.items():
        visitor = visitors.get(key)
        assert visitor.inspection.photo.shape == (height, width, 3)
        assert [turn.question for turn in visitor.turns] == [f"Question {number} of {key}?" for number in range(2)]


def test_idle_and_surplus_visitors_are_forgotten(tiny_inspector, make_photo):
    now = [0.0]
    visitors = Visitors(tiny_inspector.new_session, idle_seconds=100, most=3, clock=lambda: now[0])
    first = visitors.get("first")
    first.set_photo(make_photo(1))
    now[0] = 60.0
    second = visitors.get("second")
    now[0] = 101.0
    assert visitors.get("second") is second
    assert len(visitors) == 1 and first.inspection is None
    for key in ("third", "fourth", "fifth"):
        visitors.get(key)
    assert len(visitors) == 3
    assert visitors.get("second") is not second


def test_leaving_ends_the_answer_and_gives_the_memory_back(tiny_inspector, make_photo, monkeypatch):
    monkeypatch.setattr("anomalygpt.web.visitor.PAUSE_SECONDS", 0.0)
    visitors = Visitors(tiny_inspector.new_session)
    visitor = visitors.get("a")
    visitor.set_photo(make_photo(1))
    pieces = visitor.ask(QUESTION)
    next(pieces)
    visitors.forget("a")
    visitors.forget("never seen")
    assert list(pieces) == [] and visitor.inspection is None and len(visitors) == 0
