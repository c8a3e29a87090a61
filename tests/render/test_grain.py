import numpy as np
import pytest

from trajdata import ClipSource, ClipSpec


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
