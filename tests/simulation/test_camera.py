from dataclasses import replace

import numpy as np
import pytest

from anomalygpt.simulation.camera import Camera, adjusted, develop, draw_camera, draw_exposure, redevelop, store

SIZE = 64
PLAIN = Camera(
    grey=False,
    weights=(0.3, 0.59, 0.11),
    threshold=None,
    blur=0.0,
    focus_drift=0.0,
    noise=0.0,
    clump=0.0,
    vignette=0.0,
    sharpen=0.0,
    contrast=1.0,
    exposure_drift=0.0,
    color_drift=0.0,
    quality=None,
)
LIGHT = np.ones((SIZE, SIZE, 3), np.float32)


def scene() -> np.ndarray:
    return np.random.default_rng(1).random((SIZE, SIZE, 3), np.float32)


def shot(camera: Camera, glare: np.ndarray | None = None, seed: int = 0) -> np.ndarray:
    return develop(scene(), camera, draw_exposure(camera, LIGHT, glare, np.random.default_rng(seed)))


def test_a_perfect_camera_shows_the_scene_as_it_is() -> None:
    assert np.abs(shot(PLAIN).astype(float) - 255 * scene()).max() <= 0.51


def test_a_grey_camera_mixes_the_channels_by_its_weights() -> None:
    photo = shot(replace(PLAIN, grey=True))
    assert np.array_equal(photo[..., 0], photo[..., 1]) and np.array_equal(photo[..., 0], photo[..., 2])
    assert np.abs(photo[..., 0] - 255 * scene() @ np.array(PLAIN.weights)).max() <= 0.51


def test_noise_has_the_deviation_that_is_asked_for_in_every_channel() -> None:
    flat = np.full((SIZE, SIZE, 3), 0.5, np.float32)
    for clump in (0.0, 0.6):
        camera = replace(PLAIN, noise=0.02, clump=clump)
        photo = develop(flat, camera, draw_exposure(camera, LIGHT, None, np.random.default_rng(0)))
        assert photo.reshape(-1, 3).std(axis=0) == pytest.approx(5.1, rel=0.3)
        assert abs(np.corrcoef(photo.reshape(-1, 3).T)[0, 1]) < 0.1


def test_vignetting_darkens_the_corners() -> None:
    flat = np.full((SIZE, SIZE, 3), 0.5, np.float32)
    camera = replace(PLAIN, vignette=0.3)
    photo = develop(flat, camera, draw_exposure(camera, LIGHT, None, np.random.default_rng(0)))
    assert photo[0, 0, 0] < 0.8 * photo[SIZE // 2, SIZE // 2, 0]


def test_one_exposure_develops_two_scenes_alike_but_for_what_differs() -> None:
    camera = replace(PLAIN, noise=0.02, blur=0.8, focus_drift=0.2, sharpen=0.5)
    exposure = draw_exposure(camera, LIGHT, None, np.random.default_rng(4))
    other = scene()
    other[20:30, 20:30] = 0.0
    before, after = develop(scene(), camera, exposure), develop(other, camera, exposure)
    changed = (before != after).any(axis=2)
    assert changed[20:30, 20:30].mean() > 0.9
    assert not changed[:10].any() and not changed[:, 45:].any()


@pytest.mark.parametrize("box", [(20, 30, 22, 40), (0, 5, 50, 64), (60, 64, 0, 64)])
def test_redeveloping_what_changed_equals_developing_everything(box: tuple[int, int, int, int]) -> None:
    camera = replace(PLAIN, noise=0.02, clump=0.5, blur=0.9, sharpen=0.5, contrast=1.1, grey=True)
    glare = np.random.default_rng(2).random((SIZE, SIZE), np.float32)
    exposure = draw_exposure(camera, LIGHT, glare, np.random.default_rng(4))
    other = scene()
    touched = np.zeros((SIZE, SIZE), bool)
    touched[box[0] : box[1], box[2] : box[3]] = True
    other[touched] = 0.1
    photo = redevelop(develop(scene(), camera, exposure), other, touched, camera, exposure)
    assert np.abs(photo.astype(int) - develop(other, camera, exposure)).max() <= 1


def test_redeveloping_nothing_is_the_same_photo() -> None:
    exposure = draw_exposure(PLAIN, LIGHT, None, np.random.default_rng(4))
    photo = develop(scene(), PLAIN, exposure)
    assert redevelop(photo, scene(), np.zeros((SIZE, SIZE), bool), PLAIN, exposure) is photo


def test_a_scanner_sets_its_threshold_between_two_tones_and_gives_up_where_there_are_none() -> None:
    scanner = replace(PLAIN, grey=True, threshold=0.5)
    two = np.full((SIZE, SIZE, 3), 40, np.uint8)
    two[:, :20] = 120
    two += np.random.default_rng(0).integers(0, 6, two.shape, dtype=np.uint8)
    threshold = adjusted(scanner, two).threshold
    assert threshold is not None and 0.15 < threshold < 0.48
    assert adjusted(scanner, np.full((SIZE, SIZE, 3), 90, np.uint8)).threshold is None
    ramp = np.repeat(np.tile(np.arange(SIZE, dtype=np.uint8) * 3, (SIZE, 1))[..., None], 3, axis=2)
    assert adjusted(scanner, ramp).threshold is None
    assert adjusted(PLAIN, two) == PLAIN


def test_storage_without_jpeg_changes_nothing_and_with_it_a_little() -> None:
    photo = np.repeat(np.tile(np.arange(SIZE, dtype=np.uint8) * 3, (SIZE, 1))[..., None], 3, axis=2)
    assert store(photo, PLAIN) is photo
    stored = store(photo, replace(PLAIN, quality=60))
    assert 0 < np.abs(stored.astype(int) - photo).max() < 30


def test_about_a_quarter_of_the_cameras_are_grey() -> None:
    rng = np.random.default_rng(0)
    cameras = [draw_camera(rng) for _ in range(400)]
    assert 0.18 < np.mean([camera.grey for camera in cameras]) < 0.32
    assert all(camera.grey for camera in cameras if camera.threshold is not None)
