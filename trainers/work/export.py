"""Runs as SavedModels."""

import json
import pathlib
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf

from trainers import errors
from trainers.errors import RunFailedError
from trainers.reports import evaluation
from trainers.run import records, results
from trainers.run.restore import restore
from trainers.run.status import Status
from trainers.run.storage import storing, workspace
from trainers.settings import experiment as experiment_lib
from trainers.settings import program
from xadv_tf import data
from xadv_tf.layers import PerturbationGenerator
from xadv_tf.methods import Method
from xadv_tf.methods.combined import find_part
from xadv_tf.methods.trained_mask import TrainedMaskMethod
from xadv_tf.models import portable

Endpoint = Callable[[Any], dict[str, tf.Tensor]]


def export(
    method: Method,
    scale: data.preprocessing.Scaling,
    output: str,
    *,
    metadata: Mapping[str, Any] | None = None,
) -> pathlib.Path:
    """Writes the next version of a served model, whole or not at all.

    The SavedModel needs neither this project nor Keras. Its signatures take `image`, [batch,
    height, width, channels], values 0 to 255, any batch size:

    - serving_default (float32) and serving_uint8: logits, probabilities [batch, classes], class
      [batch]. A signature has one type. Clients that convert, which are JSON, numpy arrays in
      Python and saved_model_cli, may send bytes to serving_default as well; serving_uint8 is for
      those that send tensors of exactly that type, and it quarters what is sent.
    - explain (float32), for an inductive mask: log_alpha and mask at the mask's resolution, without
      noise; masked_image, as the classifier sees it, after scaling; probabilities and
      masked_probabilities.

    Another shape is an error. What is no image with values 0 to 255, as far as that can be seen,
    gets class -1 and NaN for all else: a value beyond them, NaN or infinity, or no value above 1
    and some that are no whole numbers, as in images scaled to [0, 1]. The others of its batch are
    as ever. Who resizes images by a way that overshoots must clip them.

    Beside it lie classifier.keras, the classifier alone, for scaled images and for Keras, of
    Keras's own layers where these can do the same; and metadata.json.

    Args:
        method: built.
        scale: what turns the values 0 to 255 into the classifier's inputs.
        output: the directory of all versions.
        metadata: more to say in metadata.json.

    Returns:
        `output`/<version>: 1, or one more than the newest.
    """
    root = pathlib.Path(output)
    with workspace(root) as aside:
        archive = keras.export.ExportArchive()
        archive.track(method.evaluated)
        if isinstance(scale, tf.Module):  # It was fitted, and has variables.
            archive.track(scale)
        shape = method.evaluated.input_shape
        predict = _prediction(method, scale)
        signatures = [
            ("serving_default", predict, tf.float32),
            ("serving_uint8", predict, tf.uint8),
        ]
        masking = find_part(method, TrainedMaskMethod)
        if masking is not None and isinstance(masking.mask, PerturbationGenerator):
            archive.track(masking.mask)
            explain = _explanation(method, masking, scale)
            signatures.append(("explain", explain, tf.float32))
        for name, function, dtype in signatures:
            archive.add_endpoint(name, function, [tf.TensorSpec(shape, dtype, name="image")])
        archive.write_out(str(aside), verbose=False)
        classifier = portable.with_stock_layers(method.evaluated)
        classifier.save(aside / "classifier.keras")
        about = {
            **(metadata or {}),
            "image_shape": list(shape[1:]),
            "pixel_values": [0, 255],
            "documentation": _documentation(shape[1:], [name for name, _, _ in signatures]),
            "signatures": {name: dtype.name for name, _, dtype in signatures},
            "classifier_custom_objects": portable.custom_objects(classifier),
            "tensorflow": tf.__version__,
            "keras": keras.__version__,
        }
        (aside / "metadata.json").write_text(json.dumps(about, indent=2) + "\n")
        return _publish(aside, root)


def _documentation(shape: Sequence[int], signatures: Sequence[str]) -> dict[str, str]:
    """What each signature takes and gives, for people."""
    image = (
        f"image: [batch, {', '.join(map(str, shape))}], any batch size, values 0 to 255, not "
        "scaled to [0, 1]"
    )
    refused = (
        "an image of NaN, of infinite values or of values scaled to [0, 1] or [-1, 1] gets class "
        "-1 and NaN"
    )
    prediction = "logits and probabilities [batch, classes], class [batch]"
    told = {
        "serving_default": f"{image}, float32; {prediction}; {refused}",
        "serving_uint8": f"{image}, uint8; {prediction}",
        "explain": f"{image}, float32; log_alpha and mask, in [0, 1], of each image; masked_image, "
        f"scaled; probabilities and masked_probabilities [batch, classes]; {refused}",
    }
    return {name: told[name] for name in signatures}


def _prediction(method: Method, scale: data.preprocessing.Scaling) -> Endpoint:
    def predict(image: tf.Tensor) -> dict[str, tf.Tensor]:
        image, is_image = _checked(image, method)
        logits = tf.cast(method.evaluated(scale(image), training=False), tf.float32)
        return _only_of_images(
            is_image,
            {
                "logits": logits,
                "probabilities": tf.nn.softmax(logits),
                "class": tf.argmax(logits, axis=-1),
            },
        )

    return predict


def _explanation(
    method: Method, masking: TrainedMaskMethod, scale: data.preprocessing.Scaling
) -> Endpoint:
    def explain(image: tf.Tensor) -> dict[str, tf.Tensor]:
        image, is_image = _checked(image, method)
        x = scale(image)
        shown = masking.perturb(x)
        clean, masked = (
            tf.nn.softmax(tf.cast(method.evaluated(images, training=False), tf.float32))
            for images in (x, shown["x_adv"])
        )
        return _only_of_images(
            is_image,
            {
                "log_alpha": shown["log_alpha"],
                "mask": shown["mask"],
                "masked_image": shown["x_adv"],
                "probabilities": clean,
                "masked_probabilities": masked,
            },
        )

    return explain


def _checked(image: tf.Tensor, method: Method) -> tuple[tf.Tensor, tf.Tensor]:
    """The images, and which of them, bool [batch], may be images with values 0 to 255.

    A signature does not hold its callers to its shape: a network that flattens takes rows.
    """
    image = tf.ensure_shape(image, method.evaluated.input_shape)
    if not image.dtype.is_floating:
        return image, tf.fill([tf.shape(image)[0]], True)
    axes = range(1, len(image.shape))
    within = tf.reduce_all((image >= 0) & (image <= 255), axis=axes)  # No NaN is.
    whole = tf.reduce_all(image == tf.floor(image), axis=axes)
    return image, within & (whole | (tf.reduce_max(image, axis=axes) > 1))


def _only_of_images(is_image: tf.Tensor, outputs: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """The outputs, with what cannot be taken for a result where there was no image."""
    kept = {}
    for name, value in outputs.items():
        where = tf.reshape(is_image, [-1, *[1] * (len(value.shape) - 1)])
        nothing = float("nan") if value.dtype.is_floating else -1
        kept[name] = tf.where(where, value, tf.constant(nothing, value.dtype))
    return kept


def _publish(aside: pathlib.Path, root: pathlib.Path) -> pathlib.Path:
    taken = [int(entry.name) for entry in root.iterdir() if entry.name.isdigit()]
    version = max(taken, default=0) + 1
    while True:
        target = root / str(version)
        try:
            return aside.rename(target)
        except OSError:
            # Another export took the number meanwhile; anything else is an error.
            if not target.exists():
                raise
            version += 1


def describe(
    workdir: str,
    experiment: experiment_lib.Experiment,
    class_names: Sequence[str],
    weights: str,
    step: int,
) -> dict[str, Any]:
    """Where a model comes from, for metadata.json.

    Args:
        workdir: its run.
        experiment: the run's.
        class_names: [classes].
        weights: "last", "best" or "ema".
        step: at which these were saved.
    """
    run = pathlib.Path(workdir)
    result = results.read(run) or {}
    evaluated = records.read_if_sound(
        run / evaluation.file_name("evaluation.json", "test", weights),
        needs={"step": int, "accuracy": float | int},
        otherwise="its accuracy is left out of metadata.json",
    )
    accuracy = evaluated.get("accuracy") if evaluated.get("step") == step else None
    if accuracy is None and weights == "last" and result.get("train_steps") == step:
        accuracy = result["test_accuracy"]
    return {
        "workdir": workdir,
        "method": experiment.label,
        "model": experiment.model,
        "dataset": experiment.dataset,
        "seed": experiment.seed,
        "weights": weights,
        "step": step,
        "trained_at_commit": Status(run).read().get("commit"),
        "test_accuracy": accuracy,
        "preprocessing": experiment.scaling,
        "class_names": list(class_names),
    }


def run(workdir: str, *, weights: str, output: str, quiet: bool) -> int:
    """Exports, says where the model is; returns the exit status."""
    tf.get_logger().setLevel("ERROR")
    try:
        experiment, found, method = restore(workdir, weights=weights)
        names = found.dataset.class_names
        about = describe(workdir, experiment, names, weights, int(method.step))
        with storing(f"the model in {output}"):
            version = export(method, found.preprocess, output, metadata=about)
    except ValueError as error:
        return program.mistake(error)
    except RunFailedError as error:
        print(f"error: {error}", file=sys.stderr)
        return errors.FAILED
    if not quiet:
        print(f"SavedModel: {version}")
    return 0
