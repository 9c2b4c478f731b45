"""Images that stay in their files until a step or an evaluation asks for them.

The batch of a step is the one that `PoolData` would give, bit for bit: the same `Sampler` draws the
positions, and the records at them are read, decoded and scaled while earlier steps compute. Any
step can be the first, so a stream has nothing to save either.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from xadv_tf.data.batches import Draws, Sampler, collect
from xadv_tf.data.digests import digest
from xadv_tf.data.preprocessing import Scaling
from xadv_tf.data.records import Records

# Threads that read for a batch, at most.
_READERS = 4


class StreamedImages:
    """Images in records, indexed like a NumPy array and read when they are asked for.

    Args:
        records: where they are.
        decode: a serialized record, string scalar -> its image, uint8 `image_shape`.
        image_shape: (height, width, channels).
        positions: which of the records, int32 [n]; None means all of them, in their order.
        scale: what is done to images, uint8 [batch, height, width, channels]; None: nothing.
    """

    def __init__(
        self,
        records: Records,
        decode: Callable[[tf.Tensor], tf.Tensor],
        image_shape: tuple[int, int, int],
        *,
        positions: npt.NDArray[np.int32] | None = None,
        scale: Scaling | None = None,
    ) -> None:
        self._records = records
        self._decode = decode
        self._image_shape = image_shape
        with tf.device("CPU:0"):  # Where files are read.
            self._positions = None if positions is None else tf.constant(positions)
        self._scale = scale
        self._compiled_at = tf.function(
            self._traced_at, input_signature=[tf.TensorSpec([None], tf.int32)], autograph=False
        )

    def __len__(self) -> int:
        """How many images there are."""
        return len(self._records) if self._positions is None else int(self._positions.shape[0])

    @property
    def shape(self) -> tuple[int, ...]:
        """(images, height, width, channels)."""
        return (len(self), *self._image_shape)

    @property
    def dtype(self) -> npt.DTypeLike:
        """Of the values: bytes, or what scaling makes of them."""
        return np.dtype(np.uint8 if self._scale is None else np.float32)

    @property
    def sha256(self) -> str:
        """Of the records' bytes and of which of them are chosen, in hexadecimal."""
        if self._positions is None:
            return self._records.sha256
        chosen = f"{self._records.sha256} {digest(self._positions.numpy())}"
        return hashlib.sha256(chosen.encode()).hexdigest()

    def select(self, positions: npt.NDArray[np.int32]) -> "StreamedImages":
        """The images at these positions, int32 [n], still unread; call it once, on all images."""
        return StreamedImages(
            self._records, self._decode, self._image_shape, positions=positions, scale=self._scale
        )

    def scaled(self, scale: Scaling) -> "StreamedImages":
        """The same images, still unread, which will be scaled."""
        return StreamedImages(
            self._records, self._decode, self._image_shape, positions=self._positions, scale=scale
        )

    def __getitem__(self, chosen: slice | npt.NDArray[np.integer[Any]]) -> npt.NDArray[Any]:
        """Reads images: [n, height, width, channels]."""
        positions = np.arange(len(self), dtype=np.int32)[chosen]
        images: npt.NDArray[Any] = self.at(positions).numpy()
        return images

    def at(self, positions: Any) -> tf.Tensor:
        """Reads images, on the host; in a graph, or at once.

        Args:
            positions: integers [n].

        Returns:
            [n, height, width, channels].
        """
        positions = tf.cast(positions, tf.int32)
        eager = tf.executing_eagerly()
        return self._compiled_at(positions) if eager else self._traced_at(positions)

    def _traced_at(self, positions: tf.Tensor) -> tf.Tensor:
        with tf.device("CPU:0"):
            if self._positions is not None:
                positions = tf.gather(self._positions, positions)
            count, shares = positions.shape[0], [positions]
            if count is not None:
                # One operation reads in one thread: several, each for a share, read side by side.
                sizes = [len(share) for share in np.array_split(range(count), _READERS)]
                shares = tf.split(positions, [size for size in sizes if size])
            images = tf.concat([self._read(share) for share in shares], axis=0)
            return images if self._scale is None else self._scale(images)

    def _read(self, positions: tf.Tensor) -> tf.Tensor:
        def image(position: tf.Tensor) -> tf.Tensor:
            return self._decode(self._records.read(position))

        spec = tf.TensorSpec(self._image_shape, tf.uint8)
        return tf.map_fn(image, positions, fn_output_signature=spec)


@dataclass(frozen=True)
class StreamedPool:
    """The training examples, images in their files: takes the place of `PoolData`.

    Attributes:
        image: [num_pool, height, width, channels], scaled.
        label: int32 [num_labeled], of the labeled examples only.
        labeled_in_pool: int32 [num_labeled], where in the pool each labeled example stands.
        pool_label: int32 [num_pool], -1 where there is no label; see `PoolData`.
    """

    image: StreamedImages
    label: tf.Tensor
    labeled_in_pool: tf.Tensor
    pool_label: tf.Tensor | None = None

    def images_at(self, positions: tf.Tensor) -> tf.Tensor:
        """The images at these positions in the pool, int32 [n]."""
        return self.image.at(positions)

    def gather(self, draws: Draws, *, joined: bool = False) -> dict[str, dict[str, tf.Tensor]]:
        """Collects a batch: see `collect`."""
        return collect(self, draws, joined=joined)


class Stream:
    """A streamed pool's batches step by step, each replica's share on its device.

    Args:
        pool: what is streamed.
        sampler: which examples a step takes.
        strategy: of tf.distribute.
    """

    def __init__(
        self, pool: StreamedPool, sampler: Sampler, strategy: tf.distribute.Strategy
    ) -> None:
        self._pool = pool
        self._sampler = sampler
        self._strategy = strategy
        self._iterator: Any = None
        self._next_step = -1

    def take(self, step: int, num_steps: int) -> Any:
        """An iterator whose next `num_steps` elements are the batches from `step` on.

        The caller must take exactly that many. If `step` is the one after the last call's last,
        reading goes on; otherwise it starts anew.
        """
        if step != self._next_step:
            self._iterator = iter(
                self._strategy.distribute_datasets_from_function(
                    lambda context: self._batches(step, context)
                )
            )
        self._next_step = step + num_steps
        return self._iterator

    def _batches(self, first: int, context: tf.distribute.InputContext) -> tf.data.Dataset:
        # The replicas of this process take elements in turns: `local` elements are one step.
        replicas = context.num_replicas_in_sync
        local = replicas // context.num_input_pipelines

        def batch(i: tf.Tensor) -> dict[str, dict[str, tf.Tensor]]:
            replica = context.input_pipeline_id * local + i % local
            draws = self._sampler.indices(i // local, replica, replicas)
            batch = self._pool.gather(draws, joined=self._sampler.joined)
            # The elements of a tf.data.Dataset cannot say that two entries are one object.
            if batch["unlabeled"] is batch["labeled"]:
                del batch["unlabeled"]
            return batch

        elements = tf.data.Dataset.counter(first * local)
        return elements.map(batch, num_parallel_calls=tf.data.AUTOTUNE).prefetch(2 * local)
