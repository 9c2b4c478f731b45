"""A Keras model that is saved and copied by the arguments that it was made of."""

import inspect
from typing import Any

import keras


class SavedByArguments(keras.Model):
    """What save, load, clone and export ask of a model around a classifier.

    All arguments of a subclass's constructor are Keras objects, numbers or such: its config is made
    of them. A model whose classifier is built need not be compiled to be saved.
    """

    classifier: Any
    label_smoothing = 0.0

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        """Notes the constructor's arguments for `get_config`."""
        method = super().__new__(cls, *args, **kwargs)
        try:
            bound = inspect.signature(cls.__init__).bind(method, *args, **kwargs)
        except TypeError:  # Which the constructor is about to say.
            return method
        # Not by setattr: what Keras and TensorFlow find in attributes goes into checkpoints.
        vars(method)["_arguments"] = {
            name: value for name, value in list(bound.arguments.items())[1:] if name != "kwargs"
        } | bound.arguments.get("kwargs", {})
        return method

    def save(self, filepath: Any, *args: Any, **kwargs: Any) -> Any:
        """As keras.Model.save; a method whose classifier is built need not be compiled.

        Raises:
            ValueError: for an HDF5 file, which would be lost: Keras does not load it again.
        """
        if str(filepath).endswith((".h5", ".hdf5")):
            raise ValueError(
                "filepath must end in .keras; of a method HDF5 holds weights alone (save_weights). "
                f"Received: filepath={filepath}"
            )
        self._build_where_known()
        return super().save(filepath, *args, **kwargs)

    def save_weights(self, filepath: Any, *args: Any, **kwargs: Any) -> Any:
        """As keras.Model.save_weights; a method whose classifier is built need not be compiled."""
        self._build_where_known()
        return super().save_weights(filepath, *args, **kwargs)

    def load_weights(self, filepath: Any, *args: Any, **kwargs: Any) -> Any:
        """As keras.Model.load_weights; a method whose classifier is built need not be compiled."""
        self._build_where_known()
        return super().load_weights(filepath, *args, **kwargs)

    def export(self, filepath: Any, *args: Any, **kwargs: Any) -> Any:
        """As keras.Model.export: of what is evaluated, for images of any number."""
        self._build_where_known()
        if self.built:
            shape = (None, *self.get_build_config()["input_shape"][1:])
            kwargs.setdefault("input_signature", [keras.InputSpec(shape=shape, dtype="float32")])
        return super().export(filepath, *args, **kwargs)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        arguments = {**vars(self)["_arguments"], "name": self.name}
        return {n: keras.saving.serialize_keras_object(v) for n, v in arguments.items()}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        """A method of what `get_config` returned."""
        load = keras.saving.deserialize_keras_object
        return cls(**{name: load(value, custom_objects) for name, value in config.items()})

    def named_optimizers(self) -> dict[str, Any]:
        """The optimizers that `compile` takes besides the classifier's, by their arguments."""
        return {}

    def get_compile_config(self) -> dict[str, Any]:
        """The arguments of `compile`."""
        if not self.compiled:
            return {}
        others = {
            name: keras.saving.serialize_keras_object(optimizer)
            for name, optimizer in self.named_optimizers().items()
        }
        return {**super().get_compile_config(), **others, "label_smoothing": self.label_smoothing}

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Compiles as what `get_compile_config` was of."""
        self.compile(**keras.saving.deserialize_keras_object(config))

    def _build_where_known(self) -> None:
        """Builds a method whose classifier says of which shape its images are."""
        if not self.built and getattr(self.classifier, "inputs", None):
            with self.distribute_strategy.scope():
                self.build(tuple(self.classifier.inputs[0].shape))
