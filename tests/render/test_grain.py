import numpy as np
import pytest

from trajdata import ClipSource, ClipSpec
from trajdata._arithmetic.philox import GRAIN, words
from trajdata._render.grain import add_grain
from trajdata._spec.streams import stream_key


@pytest.mark.parametrize("std", [2.0, 10.0])
def test_noise_has_the_asked_standard_deviation_and_no_pattern(std):
    # Backgrounds in the middle of the range, so that nothing is held at 0 or 255.
    clean = ClipSource(ClipSpec()).batch(range(60))["video"].astype(int)
    noisy = ClipSource(ClipSpec().replace(pixel_noise=std)).batch(range(60))["video"].astype(int)
    middle = (clean > 60) & (clean < 195)
    noise = (noisy - clean)[middle]
    assert noise.mean() == pytest.approx(0, abs=0.05)
    assert noise.std() == pytest.approx(np.sqrt(std**2 + 1 / 12), rel=0.01)
    assert np.abs(np.corrcoef(noise[:-1], noise[1:])[0, 1]) < 0.01


def test_noise_does_not_depend_on_the_batch_and_differs_between_clips():
    source = ClipSource(ClipSpec().replace(pixel_noise=8.0), seed=5)
    batch = source.batch(range(20))["video"]
    assert np.array_equal(source[13]["video"], batch[13])
    clean = ClipSource(ClipSpec(), seed=5).batch(range(20))["video"]
    first, second = (batch[i].astype(int) - clean[i] for i in (0, 1))
    assert not np.array_equal(first, second)


def test_the_noise_of_a_byte_goes_the_way_of_its_word():
    """Of byte n of a clip: the sum of the four bytes of word n, less its mean, upwards."""
    std, scale = 12.0, 12.0 / 147.79940459962865
    video = np.full(3 * 10, 128, np.uint8)
    add_grain(stream_key(5, "val"), np.array([7, 8, 2**40]), std, 10, video, 0, 10)
    for row, index in enumerate((7, 8, 2**40)):
        for place in range(10):
            word = int(words(stream_key(5, "val"), index, 0, GRAIN, place // 4)[place % 4])
            total = sum(word.to_bytes(4, "little")) - 510
            assert abs(int(video[10 * row + place]) - (128 + scale * total)) <= 0.501
