import numpy as np
import pytest

from trajdata._arithmetic.philox import MOTION, key_of, philox4x32, unit, words
from trajdata._spec.streams import stream_key

# Known answers of the Random123 distribution for philox4x32-10 (Salmon et al., SC 2011).
KNOWN_ANSWERS = [
    ("00000000 00000000 00000000 00000000", "00000000 00000000",
     "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff",
     "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0",
     "d16cfe09 94fdcceb 5001e420 24126ea1"),
]  # fmt: skip


def _words(text):
    return [np.uint64(int(word, 16)) for word in text.split()]


@pytest.mark.parametrize(("counter", "key", "answer"), KNOWN_ANSWERS)
def test_philox_gives_the_known_answers_of_its_paper(counter, key, answer):
    assert list(philox4x32(*_words(counter), *_words(key))) == _words(answer)


def test_every_part_of_an_address_changes_the_words():
    base = words(key_of(0, 0), 5, 0, MOTION, 0)
    others = [
        words(key_of(1, 0), 5, 0, MOTION, 0),
        words(key_of(2**62, 0), 5, 0, MOTION, 0),
        words(key_of(0, 1), 5, 0, MOTION, 0),
        words(key_of(0, 2), 5, 0, MOTION, 0),
        words(key_of(0, 0), 6, 0, MOTION, 0),
        words(key_of(0, 0), 5 + 2**32, 0, MOTION, 0),
        words(key_of(0, 0), 5, 1, MOTION, 0),
        words(key_of(0, 0), 5, 0, MOTION - 1, 0),
        words(key_of(0, 0), 5, 0, MOTION, 1),
    ]
    assert len({base, *others}) == len(others) + 1


def test_seed_plus_index_does_not_name_a_stream():
    assert words(key_of(0, 0), 1, 0, MOTION, 0) != words(key_of(1, 0), 0, 0, MOTION, 0)


def test_a_unit_number_is_never_0_or_1():
    assert unit(np.uint64(0)) == 2.0**-33
    assert unit(np.uint64(2**32 - 1)) == 1.0 - 2.0**-33


@pytest.mark.parametrize("seed", [-1, 2**63, 1.5, "0", True, None])
def test_a_seed_outside_its_range_is_an_error_that_names_it(seed):
    with pytest.raises(ValueError, match=r"seed: given .*; allowed are whole numbers from 0 to"):
        key_of(seed, 0)


def test_an_unknown_split_is_an_error_that_names_it():
    with pytest.raises(ValueError, match="split: given 'dev'; allowed are train, val, test"):
        stream_key(0, "dev")
