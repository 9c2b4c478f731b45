import threading

import keras
import pytest

from xadv_tf.layers import WeightNormDense, data_initialization


def test_the_mode_ends_with_its_block():
    assert not data_initialization.is_active()
    with data_initialization.data_initialization():
        assert data_initialization.is_active()
    assert not data_initialization.is_active()
    with pytest.raises(KeyError), data_initialization.data_initialization():
        raise KeyError
    assert not data_initialization.is_active()


def test_the_mode_is_of_its_thread():
    seen = []
    with data_initialization.data_initialization():
        thread = threading.Thread(target=lambda: seen.append(data_initialization.is_active()))
        thread.start()
        thread.join()
    assert seen == [False]


def test_layers_are_found_in_nested_models():
    inner = WeightNormDense(3)
    outer, without = WeightNormDense(3), WeightNormDense(3, initial_stddev=None)
    nested = keras.Sequential([keras.layers.Input((3,)), inner, keras.layers.Dense(3)])
    model = keras.Sequential([keras.layers.Input((3,)), outer, nested, without])
    found = data_initialization.initializing_layers(model)
    assert {id(layer) for layer in found} == {id(outer), id(inner)}
