import threading

import pytest

from xadv_tf.methods import passes
from xadv_tf.methods.traced import Traced


def test_each_thread_keeps_its_own():
    # As MirroredStrategy traces its replicas.
    traced, seen = Traced(), []
    traced.records["accuracy"] = 1
    thread = threading.Thread(target=lambda: seen.append(dict(traced.records)))
    thread.start()
    thread.join()
    assert seen == [{}]
    assert traced.records == {"accuracy": 1}


def test_passes_are_shared_within_and_not_after():
    traced = Traced()
    with traced.shared_passes():
        assert isinstance(traced.training_pass, passes.SharedPasses)
        first = traced.training_pass
    assert traced.training_pass is passes.training_pass
    with pytest.raises(KeyError), traced.shared_passes():
        assert traced.training_pass is not first  # Those of another step.
        raise KeyError
    assert traced.training_pass is passes.training_pass
