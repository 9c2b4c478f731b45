"""What every method must do by Keras's ways, fit, save and export: see conformance_rows."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from conformance_rows import FITTED, ROWS, SERVED, ladder_network
from conformance_support import (
    each_kind_of_step,
    make,
    others_slow,
    plain_steps,
    steps,
    three_batches,
    weights,
)
from tests_support import NUM_CLASSES, make_batch

from xadv_tf.layers import BatchNormalization
from xadv_tf.methods import players


# The two left out take long, and what is their own is not on fit's way to a step.
@others_slow(set(FITTED) - {"ladder", "xvat_alternating"})
def test_fit_equals_the_step(name):
    plain = plain_steps(name)
    by_fit = make(name)
    stacked = tf.nest.map_structure(lambda *tensors: tf.stack(tensors), *three_batches())
    by_fit.fit(tf.data.Dataset.from_tensor_slices(stacked), shuffle=False, verbose=0)
    for one, other in zip(plain.weights, weights(by_fit), strict=True):
        np.testing.assert_array_equal(one, other)


@each_kind_of_step
def test_a_loaded_model_goes_on_where_it_was_saved(name, tmp_path):
    method = make(name, **({} if ROWS[name].make_network is ladder_network else {"dropout": 0.3}))
    batches = [make_batch(seed=i) for i in range(3)]
    for batch in batches[:2]:
        method.train_step(batch)
    path = str(tmp_path / "method.keras")
    method.save(path)
    loaded = keras.models.load_model(path)
    for each in (method, loaded):
        each.train_step(batches[2])

    def state(model):
        optimizers = [v for player in model.all_players() for v in player.optimizer.variables]
        return [v for v in (*model.variables, *optimizers) if "seed_generator" not in v.path]

    assert len(state(loaded)) == len(state(method)) and int(loaded.step.numpy()) == 3
    for one, other in zip(state(method), state(loaded), strict=True):
        np.testing.assert_array_equal(one, other, err_msg=one.path)


@others_slow(SERVED)
def test_exported_logits_are_the_methods(name, tmp_path):
    method = make(name, batch_norm=BatchNormalization(), dropout=0.5)
    batch = make_batch()
    steps(method, [batch])
    image = batch["labeled"]["image"]
    archive = keras.export.ExportArchive()
    archive.track(method.evaluated)
    archive.add_endpoint(
        "serve",
        lambda image: {"logits": method(image)},
        [tf.TensorSpec((None, *image.shape[1:]), name="image")],
    )
    archive.write_out(str(tmp_path), verbose=False)
    loaded = tf.saved_model.load(str(tmp_path))
    served = loaded.serve(image)
    assert served["logits"].shape == (6, NUM_CLASSES)
    np.testing.assert_allclose(served["logits"], method(image), atol=1e-6)


@others_slow(FITTED)
def test_supervised_pairs_are_batches(name):
    method = make(name)
    batch = make_batch(supervised=True)
    pair = (batch["labeled"]["image"], batch["labeled"]["label"])
    if ROWS[name].needs_index:
        with pytest.raises(ValueError, match="Received: index=None"):
            method.train_step(pair)
        return
    as_pair = {key: float(value) for key, value in method.train_step(pair).items()}
    assert players.is_supervised(players.as_batch(pair))
    again = make(name)
    as_batch = {key: float(value) for key, value in again.train_step(batch).items()}
    assert as_pair == as_batch
