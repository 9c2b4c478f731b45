import hashlib

import numpy as np

from xadv_tf.data import digests
from xadv_tf.data.digests import digest


def test_the_digest_is_of_type_shape_and_values():
    array = np.array([[1, 2], [3, 4]], np.uint8)
    assert digest(array) == hashlib.sha256(b"|u1 (2, 2)\n\x01\x02\x03\x04").hexdigest()
    others = [array.T, array.ravel(), array.astype(np.int32), array + 1, array[:0]]
    assert len({digest(each) for each in [array, *others]}) == 6


def test_a_digest_is_made_a_chunk_at_a_time(monkeypatch):
    # The second axis reversed: not contiguous in memory, so a chunk must be copied in its order.
    array = np.arange(70, dtype=np.int16).reshape(7, 10)[:, ::-1]
    expected = hashlib.sha256(b"<i2 (7, 10)\n" + array.tobytes()).hexdigest()
    for chunk in (1, 3, 7, 8):
        monkeypatch.setattr(digests, "_CHUNK", chunk)
        assert digest(array) == expected


def test_what_knows_its_own_hash_is_not_read():
    class Streamed:
        sha256 = "abc"

    assert digest(Streamed()) == "abc"
