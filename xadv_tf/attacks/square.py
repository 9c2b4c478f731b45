"""Square: random search by squares, without gradients (Andriushchenko et al., ECCV 2020)."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from xadv_tf import noise, norms
from xadv_tf.attacks import losses
from xadv_tf.attacks.attack import Best, draw_seed
from xadv_tf.attacks.ball import BallAttack

# Of 10,000 queries, after how many the share of changed pixels is halved (section 3.2 there).
_HALVINGS = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)
_OF_QUERIES = 10_000
# Sides of the first tiles with norm l2, in an image's side (section 3.4 there).
_TILES = 5
_TINY = 1e-20


class Square(BallAttack):
    """Changes one square of an image at a time, and keeps what raises the margin.

    It sees logits alone: where it does better than attacks that follow the gradient, the gradient
    is of no use, and their accuracies are too high. With "linf" a square gets +-epsilon in each
    channel, at first columns do; with "l2" the length is moved from one square to another.

    Args:
        classifier: images -> logits, with its preprocessing inside; images are
            [batch, height, width, channels].
        queries: of the classifier in one search.
        share: of the pixels that the first square covers; it is halved on the way.
        **kwargs: `norm`, `low`, `high` and `restarts` of `BallAttack`.

    Raises:
        ValueError: for fewer than one query, a share that is not in (0, 1], and as `BallAttack`.
    """

    def __init__(
        self,
        classifier: Callable[[Any], Any],
        *,
        queries: int = 1000,
        share: float = 0.8,
        **kwargs: Any,
    ) -> None:
        if queries < 1:
            raise ValueError(f"queries must be at least 1. Received: queries={queries}")
        if not 0 < share <= 1:
            raise ValueError(f"share must be above 0 and at most 1. Received: share={share}")
        super().__init__(classifier, loss=losses.margin, **kwargs)
        self.queries = queries
        self.share = share

    def search_once(
        self, images: tf.Tensor, labels: tf.Tensor, epsilon: tf.Tensor, seed: tf.Tensor
    ) -> Best:
        """The best image of one search."""
        if len(images.shape) != 4:
            raise ValueError(
                "the square attack needs images [batch, height, width, channels]. "
                f"Received: images of shape {tuple(images.shape)}"
            )
        start = self._stripes if self.norm == "linf" else self._tiles
        propose = self._propose_linf if self.norm == "linf" else self._propose_l2

        def body(i: tf.Tensor, best: Best) -> tuple[tf.Tensor, Best]:
            proposed = propose(images, best.found, epsilon, self.side(i, images), i, seed)
            return i + 1, best.better(self.evaluate(images, labels, proposed))

        first = self.project(start(images, epsilon, seed), images, epsilon)
        _, best = tf.while_loop(
            lambda i, best: (i < self.queries) & ~tf.reduce_all(best.broken),
            body,
            (tf.constant(1), self.evaluate(images, labels, first)),
        )
        found: Best = best
        return found

    def side(self, query: tf.Tensor, images: tf.Tensor) -> tf.Tensor:
        """Of the square of this query, in pixels: the root of how many it covers."""
        scaled = tf.cast(query, tf.float32) * _OF_QUERIES / self.queries
        halvings = tf.reduce_sum(tf.cast(scaled > tf.constant(_HALVINGS, tf.float32), tf.float32))
        height, width = images.shape[1:3]
        side = tf.round(tf.sqrt(self.share * 0.5**halvings * height * width))
        return tf.clip_by_value(tf.cast(side, tf.int32), 1, min(height, width))

    def _stripes(self, images: tf.Tensor, epsilon: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Columns of +-epsilon in each channel."""
        batch, _, width, channels = _sizes(images)
        return images + epsilon * _signs([batch, 1, width, channels], seed, "columns", 0)

    def _tiles(self, images: tf.Tensor, epsilon: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Five tiles a side or so, each with a bump of random sign in each channel."""
        batch, height, width, channels = _sizes(images)
        side = max(1, min(images.shape[1:3]) // _TILES)
        row, column = tf.range(height), tf.range(width)
        bumps = _two_bumps((row % side)[:, None], (column % side)[None, :], tf.constant(side))
        tiles = [batch, -(-height // side), -(-width // side), channels]
        signs = tf.repeat(tf.repeat(_signs(tiles, seed, "tiles", 0), side, axis=1), side, axis=2)
        change = bumps[None, :, :, None] * signs[:, :height, :width]
        return images + epsilon * norms.l2_normalize(change)

    def _propose_linf(
        self,
        images: tf.Tensor,
        found: tf.Tensor,
        epsilon: tf.Tensor,
        side: tf.Tensor,
        query: tf.Tensor,
        seed: tf.Tensor,
    ) -> tf.Tensor:
        """`found` with +-epsilon in each channel of one square."""
        row, column = _offsets(images, side, seed, "square", query)
        signs = _signs([tf.shape(images)[0], 1, 1, images.shape[-1]], seed, "sign", query)
        changed = tf.where(_inside(row, column, side), images + epsilon * signs, found)
        return self.project(changed, images, epsilon)

    def _propose_l2(
        self,
        images: tf.Tensor,
        found: tf.Tensor,
        epsilon: tf.Tensor,
        side: tf.Tensor,
        query: tf.Tensor,
        seed: tf.Tensor,
    ) -> tf.Tensor:
        """`found` with the length of the change in one square given to that in another."""
        batch, channels = tf.shape(images)[0], images.shape[-1]
        change = found - images
        row, column = _offsets(images, side, seed, "square", query)
        to, source = (
            _inside(*place, side)
            for place in ((row, column), _offsets(images, side, seed, "source", query))
        )
        upright = noise.uniform([batch, 1, 1], draw_seed(seed, "upright", query)) < 0.5
        bumps = tf.where(upright, _two_bumps(row, column, side), _two_bumps(column, row, side))[
            ..., None
        ]
        direction = bumps * _signs([batch, 1, 1, channels], seed, "sign", query)
        direction = tf.where(to, direction, 0.0) + _unit_channels(tf.where(to, change, 0.0))
        # All that the ball has left, and what lies in both squares, goes to the one.
        left = tf.maximum(epsilon**2 - norms.l2_norm(change) ** 2, 0.0) / channels
        gathered = tf.sqrt(left + _channel_squares(tf.where(to | source, change, 0.0)))
        changed = tf.where(to, gathered * _unit_channels(direction), tf.where(source, 0.0, change))
        return self.project(images + epsilon * norms.l2_normalize(changed), images, epsilon)


def _sizes(images: tf.Tensor) -> tuple[Any, int, int, int]:
    height, width, channels = images.shape[1:]
    return tf.shape(images)[0], height, width, channels


def _signs(shape: list[Any], seed: tf.Tensor, purpose: str, query: Any) -> tf.Tensor:
    return tf.where(noise.uniform(shape, draw_seed(seed, purpose, query)) < 0.5, -1.0, 1.0)


def _offsets(
    images: tf.Tensor, side: tf.Tensor, seed: tf.Tensor, purpose: str, query: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Each pixel's row and column in a square at a random place of each image.

    Returns:
        [batch, height, 1] and [batch, 1, width], within 0 to side - 1 inside of the square.
    """
    batch, height, width, _ = _sizes(images)
    draws = noise.uniform([2, batch], draw_seed(seed, purpose, query))
    top, left = (
        tf.cast(draw * tf.cast(length - side + 1, tf.float32), tf.int32)
        for draw, length in ((draws[0], height), (draws[1], width))
    )
    row = tf.range(height)[None, :] - top[:, None]
    column = tf.range(width)[None, :] - left[:, None]
    return row[:, :, None], column[:, None, :]


def _inside(row: tf.Tensor, column: tf.Tensor, side: tf.Tensor) -> tf.Tensor:
    """Whether a pixel lies in the square, bool [batch, height, width, 1]."""
    rows, columns = ((place >= 0) & (place < side) for place in (row, column))
    return (rows & columns)[..., None]


def _two_bumps(row: tf.Tensor, column: tf.Tensor, side: tf.Tensor) -> tf.Tensor:
    """A positive bump in the upper half of a square and a negative one in the lower.

    Each falls from its middle as sum over m >= d of 1 / (m + 1)^2, d the distance of the farther of
    row and column (Andriushchenko et al. 2020, section 3.4). Both have the same length, and
    together length 1, as the change that they are added to.

    Args:
        row: in the square, [..., height, 1].
        column: in the square, [..., 1, width].
        side: of the square.

    Returns:
        [..., height, width]; 0 outside of the square.
    """
    upper = side // 2
    in_upper = row < upper
    middle = tf.where(in_upper, upper // 2, upper + (side - upper) // 2)
    inside = (row >= 0) & (row < side) & (column >= 0) & (column < side)
    distance = tf.maximum(tf.abs(row - middle), tf.abs(column - side // 2))
    farthest = tf.cast(side // 2 + 1, tf.float32)
    terms = 1.0 / tf.square(tf.range(1.0, farthest + 1.0))
    tail = tf.concat([tf.cumsum(terms, reverse=True), [0.0]], axis=0)
    height = tf.gather(tail, tf.clip_by_value(distance, 0, tf.shape(tail)[0] - 1))
    height = tf.where(inside, height, 0.0)
    halves = [tf.where(half, height, 0.0) for half in (in_upper, ~in_upper)]
    first, second = (_of_length_one(half) for half in halves)
    return _of_length_one(first - second)


def _of_length_one(values: tf.Tensor) -> tf.Tensor:
    """Of [..., height, width]; zeros stay zeros."""
    square = tf.reduce_sum(values**2, axis=[-2, -1], keepdims=True)
    return values * tf.math.rsqrt(square + _TINY)


def _channel_squares(change: tf.Tensor) -> tf.Tensor:
    return tf.reduce_sum(change**2, axis=[1, 2], keepdims=True)


def _unit_channels(change: tf.Tensor) -> tf.Tensor:
    return change * tf.math.rsqrt(_channel_squares(change) + _TINY)
