"""Data sets by name: a string decides the source, and nothing outside knows the names."""

from xadv_tf.data import digits, image_folder, npz, prepared, streamed
from xadv_tf.data.dataset import Dataset
from xadv_tf.data.errors import DataError


def load(
    name: str,
    *,
    data_dir: str | None = None,
    download: bool = False,
    stream: bool = False,
    image_size: tuple[int, int] | None = None,
) -> Dataset:
    """Loads a data set into memory, or leaves its images where they are.

    Args:
        name: "digits"; "folder:PATH", a folder of image files (see `image_folder`); "PATH.npz", a
            file of arrays (see `npz`); or a name of tensorflow_datasets (see `prepared`).
        data_dir: folder of data prepared by tensorflow_datasets; None means the environment
            variable TFDS_DATA_DIR, and without it tensorflow_datasets's own default. The other
            sources do not look at it.
        download: whether missing data may be fetched from the network. Off by default: without a
            network the attempt hangs for minutes.
        stream: leave the images of a data set of tensorflow_datasets in its files (see `streamed`).
        image_size: (height, width) to which the images of a folder are resized; see
            `image_folder`. The other sources have images of one size.

    Raises:
        DataError: the name is unknown, or the data is not there or makes no sense.
    """
    if image_size is not None and not name.startswith(image_folder.PREFIX):
        raise DataError(
            "image_size must come with a folder of images, folder:PATH. "
            f"Received: image_size={image_size}, dataset={name!r}"
        )
    if stream:
        if name == digits.NAME or name.startswith(image_folder.PREFIX) or name.endswith(npz.SUFFIX):
            raise DataError(
                "stream must come with a data set of tensorflow_datasets; digits, folder: and .npz "
                f"are read into memory. Received: stream=True, dataset={name!r}"
            )
        return streamed.load(name, data_dir=data_dir, download=download)
    if name == digits.NAME:
        return digits.load()
    if name.startswith(image_folder.PREFIX):
        return image_folder.load(name, image_size=image_size)
    if name.endswith(npz.SUFFIX):
        return npz.load(name)
    return prepared.load(name, data_dir=data_dir, download=download)
