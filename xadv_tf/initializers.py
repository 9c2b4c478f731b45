"""Weight initialisers of the published systems, by name and seed.

Keras's defaults (Glorot) are one to two times wider than what the originals use. Every function
here returns a stock `keras.initializers.VarianceScaling`, so that a saved model loads without this
package.
"""

from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np


def normal_fan_in(seed: int | None = None) -> Any:
    """N(0, 1/fan_in): each unit starts with the variance of its mean-square input.

    Source: the released xVAT code in its debug mode, which all its semi-supervised scripts use.
    """
    return keras.initializers.VarianceScaling(
        scale=1.0, mode="fan_in", distribution="untruncated_normal", seed=seed
    )


def uniform_fan_in(seed: int | None = None) -> Any:
    """U(-1/sqrt(fan_in), 1/sqrt(fan_in)): PyTorch's default for dense and convolution.

    Source: the released xVAT code outside of its debug mode, and its perturbation generator.
    PyTorch draws the biases alike; here they start at 0.
    """
    # Keras's half-width is sqrt(3 * scale / fan_in).
    return keras.initializers.VarianceScaling(
        scale=1.0 / 3.0, mode="fan_in", distribution="uniform", seed=seed
    )


def lecun_uniform(seed: int | None = None) -> Any:
    """U(-sqrt(3/fan_in), sqrt(3/fan_in)), of variance 1/fan_in: the Gamma-model's convolutions."""
    return keras.initializers.VarianceScaling(
        scale=1.0, mode="fan_in", distribution="uniform", seed=seed
    )


def he_normal(seed: int | None = None) -> Any:
    """N(0, 2/fan_in), truncated at two standard deviations (He et al. 2015, eq. 10)."""
    return keras.initializers.HeNormal(seed=seed)


def he_uniform(seed: int | None = None) -> Any:
    """U(-sqrt(6/fan_in), sqrt(6/fan_in)) (He et al. 2015): the two-moons network of VAT."""
    return keras.initializers.HeUniform(seed=seed)


def he_normal_fan_out(seed: int | None = None) -> Any:
    """N(0, 2/fan_out), not truncated (He et al. 2015, eq. 14): the wide residual networks."""
    return keras.initializers.VarianceScaling(
        scale=2.0, mode="fan_out", distribution="untruncated_normal", seed=seed
    )


INITIALIZERS: dict[str, Callable[[int | None], Any]] = {
    "normal_fan_in": normal_fan_in,
    "uniform_fan_in": uniform_fan_in,
    "lecun_uniform": lecun_uniform,
    "he_normal": he_normal,
    "he_uniform": he_uniform,
    "he_normal_fan_out": he_normal_fan_out,
}


def get(name: str, seed: int | None = None) -> Any:
    """Returns a fresh initialiser; one instance must not serve two layers.

    Args:
        name: a key of `INITIALIZERS`.
        seed: makes the draw reproducible; None takes one from Keras's global state.

    Raises:
        ValueError: if `name` is unknown.
    """
    if name not in INITIALIZERS:
        raise ValueError(f"initializer must be one of {sorted(INITIALIZERS)}. Received: {name!r}")
    return INITIALIZERS[name](seed)


def layer_seeds(seed: int | None) -> Iterator[int | None]:
    """Yields one seed per layer without end; only None if `seed` is None."""
    generator = None if seed is None else np.random.default_rng(seed)
    while True:
        yield None if generator is None else int(generator.integers(2**31))
