"""What users of Keras expect of a model, for one that knows by itself how to take a step."""

import inspect
import types
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import keras
import tensorflow as tf

from xadv_tf import determinism, optimizers
from xadv_tf.methods import callbacks as callbacks_lib
from xadv_tf.methods import classifiers, feeding, precision, scopes
from xadv_tf.methods.compiled_metrics import WithCompiledMetrics
from xadv_tf.methods.loss_weights import AskedWeights
from xadv_tf.methods.players import Batch, Player, floating_images


class Trainer(WithCompiledMetrics):
    """compile, fit, evaluate and their kin, around a `train_step` and a `test_step`.

    A subclass is built for the images' shape, initialises itself from the first batches, and says
    of what its `players` are.

    Args:
        loss_weights: weight of each term in the objective, for which `compile` may ask others.
        name: of the Keras model.
    """

    # Whether it changes images, which therefore cannot be integer tokens.
    perturbs = False
    step: Any
    num_classes = 0

    def __init__(self, *, loss_weights: Mapping[str, Any], name: str | None = None) -> None:
        super().__init__(name=name)
        self.loss_weights = dict(loss_weights)
        self._asked_weights = AskedWeights()

    # What it needs of its subclass.

    @property
    def in_image_units(self) -> tuple[str, ...]:
        """What of it is a length in the units of the images, as warnings call it."""
        return ()

    @property
    def num_rows(self) -> int | None:
        """How many images it has a row of a table for, found by "index"; None without a table."""
        return None

    def all_players(self) -> list[Player]:
        """Who is trained."""
        raise NotImplementedError

    def initialize(self, batches: Iterable[Batch]) -> None:
        """Runs once before the first step, with the first batches of training."""
        raise NotImplementedError

    def build_optimizers(self) -> None:
        """Creates the optimizers' variables."""
        raise NotImplementedError

    # Training and evaluation.

    def compile(
        self,
        optimizer: Any = None,
        *,
        loss: Any = None,
        loss_weights: Mapping[str, Any] | None = None,
        label_smoothing: float = 0.0,
        jit_compile: bool | None = None,
        **kwargs: Any,
    ) -> None:
        """Sets the classifier's optimizer.

        Args:
            optimizer: a Keras optimizer; by default `xadv_tf.optimizers.Adam()`.
            loss: must be None, for a method has its own losses.
            loss_weights: weights of terms, as for the constructor, in place of those that it set.
            label_smoothing: share of the labels, in [0, 1], that training divides evenly among the
                classes.
            jit_compile: whether `fit` compiles the step with XLA; by default on a single GPU
                where no deterministic kernels are required. The updates of several replicas cross
                devices, which XLA can compile on GPUs alone.
            **kwargs: of keras.Model.compile. `metrics` and `weighted_metrics` are given the labels
                and the logits: in training those of the labeled pass.

        Raises:
            ValueError: for a loss, for a weight of a term that is not there, a label_smoothing out
                of range, one optimizer for two players, a metric with the name of a term; for XLA
                on several replicas that are not GPUs, and for weights made in another scope than
                the method; under policies of float16, whose losses would need a scale.
        """
        precision.refuse_half_policy(self)
        if loss is not None:
            raise ValueError(
                "loss must be None: a method has its own losses, which loss_weights weighs. "
                f"Received: loss={loss!r}"
            )
        if not 0.0 <= label_smoothing <= 1.0:
            raise ValueError(
                f"label_smoothing must lie in [0, 1]. Received: label_smoothing={label_smoothing}"
            )
        self.label_smoothing = label_smoothing
        metrics, weighted_metrics = kwargs.get("metrics"), kwargs.get("weighted_metrics")
        self._note_metrics(metrics, weighted_metrics, terms=self.loss_weights)
        self._asked_weights.ask({} if loss_weights is None else loss_weights, self.loss_weights)
        if jit_compile is True:
            scopes.refuse_xla_across_cpus(self.distribute_strategy)
        if jit_compile is None:
            one_replica = self.distribute_strategy.num_replicas_in_sync == 1
            on_gpu = bool(tf.config.list_physical_devices("GPU"))
            # As Keras has it: XLA lacks a deterministic form of some gradients.
            jit_compile = one_replica and on_gpu and not determinism.is_required()
        with self.distribute_strategy.scope():
            super().compile(
                optimizer=self.own_optimizer(optimizer, optimizers.Adam),
                loss_weights=dict(loss_weights) if loss_weights else None,
                jit_compile=jit_compile,
                **kwargs,
            )
            if self.built:
                self.build_optimizers()
        self._build_where_known()

    def fit(self, x: Any = None, y: Any = None, *args: Any, **kwargs: Any) -> Any:
        """keras.Model.fit, on images and labels or on batches as `train_step` takes them.

        Logs are means over the steps of an epoch; `loss` is the classifier's objective, `val_loss`
        the cross-entropy. A callback that changes the learning rate moves all players' by one
        factor.

        Args:
            x: images, or a tf.data.Dataset, a PyDataset or a generator of batches.
            y: labels of images.
            *args: of keras.Model.fit, in its order.
            **kwargs: of keras.Model.fit. `class_weight` and `sample_weight` are of the supervised
                terms.
        """
        self._assert_compile_called("fit")
        called = inspect.signature(super().fit).bind(x, y, *args, **kwargs).arguments
        kwargs = {name: value for name, value in called.items() if name not in ("x", "y")}
        source = feeding.Source(x, y, kwargs.get("batch_size"))
        self._begin(source, kwargs.get("sample_weight"))
        held_out = kwargs.get("validation_data")
        if isinstance(held_out, tuple | list) and len(held_out) in (2, 3):
            feeding.Source(*held_out[:2]).check(self.num_classes, *held_out[2:])
        if isinstance(x, tf.data.Dataset | tf.distribute.DistributedDataset | types.GeneratorType):
            kwargs.setdefault("shuffle", False)  # Keras shuffles none of these, and says so.
        if kwargs.get("class_weight") and isinstance(x, tf.data.Dataset):
            if isinstance(x.element_spec, dict):
                source.x = feeding.with_class_weight(x, kwargs.pop("class_weight"))
        given = kwargs.pop("callbacks", None) or []
        if not isinstance(given, keras.callbacks.CallbackList):
            given = [given] if isinstance(given, keras.callbacks.Callback) else list(given)
            callbacks_lib.direct(given)
            given = [callbacks_lib.EpochMeans(), *given, callbacks_lib.SharedRate()]
        with self._in_keras():
            return super().fit(source.x, source.y, callbacks=given, **kwargs)

    def train_on_batch(self, x: Any, y: Any = None, *args: Any, **kwargs: Any) -> Any:
        """As keras.Model.train_on_batch, of images and labels or one batch."""
        self._assert_compile_called("train_on_batch")
        source = feeding.Source(x, y)
        self._begin(source, args[0] if args else kwargs.get("sample_weight"))
        with self._in_keras():
            return super().train_on_batch(x, source.y, *args, **kwargs)

    def test_on_batch(self, x: Any, y: Any = None, *args: Any, **kwargs: Any) -> Any:
        """As keras.Model.test_on_batch, of images and labels or one batch."""
        self._assert_compile_called("test_on_batch")
        source = feeding.Source(x, y)
        self._build_for(source, args[0] if args else kwargs.get("sample_weight"))
        self._refuse_probabilities(source)
        return super().test_on_batch(x, source.y, *args, **kwargs)

    def evaluate(self, x: Any = None, y: Any = None, *args: Any, **kwargs: Any) -> Any:
        """As keras.Model.evaluate: `loss` is the cross-entropy, without label_smoothing.

        Both count the examples whose label is known.
        """
        self._assert_compile_called("evaluate")
        source = feeding.Source(x, y)
        self._build_for(source, args[2] if len(args) > 2 else kwargs.get("sample_weight"))
        self._refuse_probabilities(source)
        return super().evaluate(source.x, source.y, *args, **kwargs)

    def other_optimizers(self) -> list[Any]:
        """The optimizers of all players but the classifier."""
        return [p.optimizer for p in self.all_players() if p.optimizer is not self.optimizer]

    def own_optimizer(self, optimizer: Any, default: Callable[[], Any]) -> Any:
        """An optimizer by `optimizers.get` whose variables are where the method's are.

        One from outside the scope of the method's strategy is made again within it.
        """
        with self.distribute_strategy.scope():
            optimizer = optimizers.get(optimizer, default)
            # Its first variable counts the steps; `iterations` counts accumulated ones as one.
            if scopes.is_distributed(optimizer.variables[0]) != scopes.is_distributed(self.step):
                optimizer = type(optimizer).from_config(optimizer.get_config())
        return optimizer

    def _begin(self, source: feeding.Source, weight: Any = None) -> None:
        """Builds, looks at the first batch, initialises: each where it was not done before."""
        scopes.refuse_training_elsewhere(self.step)
        self._build_for(source, weight)
        if int(self.step.numpy()):
            return
        first = next(source.batches(), None)
        if first is not None:
            feeding.check_batch(first, self.num_classes, self.num_rows)
            feeding.warn_of_scale(self._judged_image(first), self.in_image_units)
        self.initialize(floating_images(b, tokens=not self.perturbs) for b in source.batches())

    def _build_for(self, source: feeding.Source, weight: Any = None) -> None:
        """Builds where it was not done before, and looks at all that is given as arrays."""
        if not self.built:
            with self.distribute_strategy.scope():
                self.build(source.image_shape())
        source.check(self.num_classes, weight)
        self._note_labels(source)

    def _refuse_probabilities(self, source: feeding.Source) -> None:
        """Looks at the first batch of an evaluation where no training has looked at its own."""
        if int(self.step.numpy()):
            return
        first = next(source.batches(), None)
        if first is not None:
            self._judged_image(first)

    def _judged_image(self, first: Batch) -> Any:
        """The labeled images of a batch, once the classifier is seen to give logits for them."""
        image = floating_images(first, tokens=not self.perturbs)["labeled"]["image"]
        classifiers.refuse_probabilities(self.classifier, image)
        return image
