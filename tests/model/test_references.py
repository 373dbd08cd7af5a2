"""A normal photo with fewer pixels: a cut-out at the photo's own scale, or the whole part made small."""

import cv2
import numpy as np
import pytest

from anomalygpt.model import references
from anomalygpt.model.looking import encode_photos
from anomalygpt.model.references import References, continued, is_smaller


@pytest.fixture
def eye(tiny_inspector):
    return tiny_inspector.model.eye


def grain(side, seed, cell=18):
    """A surface of fine blocks, RGB uint8."""
    rng = np.random.default_rng(seed)
    blocks = rng.integers(60, 200, (side // cell + 1, side // cell + 1, 3), dtype=np.uint8)
    return np.ascontiguousarray(np.kron(blocks, np.ones((cell, cell, 1), np.uint8))[:side, :side])


def test_a_cut_out_goes_on_with_its_mirror_images():
    photo = np.arange(6, dtype=np.uint8).reshape(2, 3, 1).repeat(3, 2)
    assert continued(photo, 5, 7)[..., 0].tolist() == [
        [0, 1, 2, 2, 1, 0, 0],
        [3, 4, 5, 5, 4, 3, 3],
        [3, 4, 5, 5, 4, 3, 3],
        [0, 1, 2, 2, 1, 0, 0],
        [0, 1, 2, 2, 1, 0, 0],
    ]


@pytest.mark.parametrize(
    ("reference", "photo", "smaller"),
    [((100, 100), (200, 150), True), ((100, 100), (125, 125), False), ((300, 50), (200, 400), False)],
)
def test_only_a_photo_that_is_clearly_smaller_on_both_sides_may_be_a_cut_out(reference, photo, smaller):
    assert is_smaller(np.zeros((*reference, 3), np.uint8), *photo) is smaller


def test_a_cut_out_is_compared_at_its_own_scale_and_a_small_copy_as_a_whole(eye):
    photo = grain(144, 1)
    query = encode_photos(eye, [photo])
    for small, cut in ((photo[:108, :108], True), (cv2.resize(photo, (50, 50), interpolation=cv2.INTER_AREA), False)):
        known = References(eye, [np.ascontiguousarray(small)], rotations=False)
        whole = known.memory_for(np.ascontiguousarray(photo[:40, :40]), query)
        assert (known.memory_for(photo, query) is not whole) is cut


@pytest.mark.parametrize(("rotations", "copies"), [(True, 4), (False, 0)])
def test_what_photos_and_their_copies_show_as_a_whole_is_kept(eye, rotations, copies):
    photos = [grain(48, 1), grain(48, 2)]
    known = References(eye, photos, rotations)
    assert len(known.embeddings) == 2 + 2 * copies and len(known.features.embedding) == 2
    own = encode_photos(eye, photos).embedding
    assert np.allclose(known.embeddings[:2], own, atol=1e-5) and np.allclose(known.features.embedding, own, atol=1e-5)


def test_references_of_the_photos_own_size_are_encoded_once(eye, monkeypatch):
    encoded = []
    remember = references.remember_photos
    monkeypatch.setattr(references, "remember_photos", lambda *given: encoded.append(len(given[1])) or remember(*given))
    photo = grain(96, 2)
    query = encode_photos(eye, [photo])
    known = References(eye, [photo, grain(40, 3)], rotations=False)
    assert encoded == [2]
    known.memory_for(photo, query)
    known.memory_for(photo, query)
    assert encoded == [2, 2]  # once more for that size, because one of them is smaller
    same = References(eye, [photo], rotations=True)
    same.memory_for(photo, query)
    assert encoded == [2, 2, 1]


def bar(angle):
    """A two-coloured bar on a plain background, turned by so many degrees."""
    photo = np.full((120, 120, 3), 225, np.uint8)
    cv2.rectangle(photo, (25, 50), (95, 70), (70, 80, 95), -1)
    cv2.rectangle(photo, (75, 50), (95, 80), (190, 60, 50), -1)
    turn = cv2.getRotationMatrix2D((60.0, 60.0), angle, 1.0)
    return cv2.warpAffine(photo, turn, (120, 120), borderMode=cv2.BORDER_REPLICATE)


def test_a_turned_part_is_seen_once_more_as_the_first_reference_lies(eye, monkeypatch):
    assert References(eye, [bar(0)], rotations=False).laid(bar(40)) is None  # the config leaves it out
    memory = eye.config.memory.model_copy(update={"alignment": True})
    monkeypatch.setattr(eye, "config", eye.config.model_copy(update={"memory": memory}))
    encoded = []
    encode = references.encode_photos
    known = References(eye, [bar(0), bar(80)], rotations=False)
    monkeypatch.setattr(references, "encode_photos", lambda *given: encoded.append(given[1]) or encode(*given))
    photo = bar(40)
    view = known.laid(photo)
    assert known.laid(photo) is view and len(encoded) == 1
    apart = np.abs(encoded[0][0].astype(float) - bar(0)).mean()
    assert apart < 0.3 * np.abs(photo.astype(float) - bar(0)).mean()
    assert known.laid(bar(0)) is None and known.laid(grain(120, 4)) is None and len(encoded) == 1
