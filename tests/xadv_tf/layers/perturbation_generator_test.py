import numpy as np
import pytest
import tensorflow as tf

from xadv_tf.layers import PerturbationGenerator


@pytest.mark.parametrize(("colours", "parameters"), [(1, 10), (3, 28)])
def test_the_papers_generator_has_one_convolution(colours, parameters):
    generator = PerturbationGenerator()
    log_alpha = generator(tf.zeros([2, 8, 6, colours]))
    assert log_alpha.shape == (2, 8, 6, 1)
    assert generator.count_params() == parameters


def test_by_hand_with_symmetric_padding():
    # An averaging kernel of ones keeps a constant image constant only if the border is repeated:
    # 9 * 2 + bias .5 everywhere.
    generator = PerturbationGenerator(bias=0.5)
    generator.build((None, 4, 4, 1))
    generator.set_weights([np.ones((3, 3, 1, 1)), np.array([0.5])])
    np.testing.assert_allclose(generator(tf.fill([1, 4, 4, 1], 2.0)), np.full((1, 4, 4, 1), 18.5))


def test_initial_weights_are_pytorchs():
    # U(-b, b), b = 1 / sqrt(fan_in): the largest of n draws lies within b by b / n on average.
    generator = PerturbationGenerator(depth=2, width=64, seed=0)
    generator.build((None, 8, 8, 3))
    first, _, second, _ = generator.get_weights()
    for kernel, fan_in in ((first, 27), (second, 9 * 64)):
        assert np.max(np.abs(kernel)) <= fan_in**-0.5
        assert np.max(np.abs(kernel)) > 0.98 * fan_in**-0.5
        assert np.std(kernel) == pytest.approx((3 * fan_in) ** -0.5, rel=0.1)


def test_pooling_gives_a_coarse_mask():
    generator = PerturbationGenerator(pooling=4)
    assert generator(tf.zeros([2, 10, 8, 3])).shape == (2, 3, 2, 1)
    assert generator.compute_output_shape((None, 10, 8, 3)) == (None, 3, 2, 1)


def test_one_mask_a_colour_and_vectors():
    assert PerturbationGenerator(channels=3)(tf.zeros([2, 8, 8, 3])).shape == (2, 8, 8, 3)
    assert PerturbationGenerator(depth=2)(tf.zeros([2, 7])).shape == (2, 7)


def test_depths_to_five():
    for depth in range(1, 6):
        generator = PerturbationGenerator(depth=depth, width=4)
        generator(tf.zeros([1, 6, 6, 1]))
        assert len(generator.weights) == 2 * depth


def test_seed_and_config_give_the_same_generator():
    one = PerturbationGenerator(depth=2, seed=3)
    other = PerturbationGenerator.from_config(one.get_config())
    image = tf.reshape(tf.linspace(-1.0, 1.0, 36), [1, 6, 6, 1])
    np.testing.assert_array_equal(one(image), other(image))


@pytest.mark.parametrize(
    ("arguments", "received"),
    [
        ({"depth": 0}, "depth=0"),
        ({"depth": 6}, "depth=6"),
        ({"width": 0}, "width=0"),
        ({"pooling": 0}, "pooling=0"),
    ],
)
def test_arguments_out_of_range(arguments, received):
    with pytest.raises(ValueError, match=f"Received: {received}"):
        PerturbationGenerator(**arguments)


def test_channels_that_fit_no_image():
    with pytest.raises(ValueError, match="Received: channels=2"):
        PerturbationGenerator(channels=2).build((None, 8, 8, 3))


def test_each_layer_draws_weights_of_its_own():
    generator = PerturbationGenerator(depth=3, width=4, seed=0)
    generator.build((None, 8, 8, 4))
    first, _, second, *_ = generator.get_weights()
    assert first.shape == second.shape == (3, 3, 4, 4)
    assert np.all(first != second)


@pytest.mark.parametrize("shape", [(7, 2), (4, 5, 2), (3, 4, 5, 2)])
def test_the_convolution_has_the_axes_of_the_input(shape):
    # Kernels of 3 x ... x 3 ones over 2 channels of a constant 2, the border repeated.
    generator = PerturbationGenerator(bias=0.5)
    generator.build((None, *shape))
    axes = len(shape) - 1
    generator.set_weights([np.ones((*[3] * axes, 2, 1)), np.array([0.5])])
    log_alpha = generator(tf.fill([1, *shape], 2.0))
    np.testing.assert_allclose(log_alpha, np.full((1, *shape[:-1], 1), 3.0**axes * 4.0 + 0.5))
    assert generator.compute_output_shape((None, *shape)) == (None, *shape[:-1], 1)
    coarse = PerturbationGenerator(pooling=2)(tf.zeros([1, *shape]))
    assert coarse.shape == (1, *(-(-side // 2) for side in shape[:-1]), 1)


def test_other_ranks_are_refused():
    with pytest.raises(ValueError, match=r"volumes.*Received: input_shape=\(None,\)"):
        PerturbationGenerator().build((None,))
