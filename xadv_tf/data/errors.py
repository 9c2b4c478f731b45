"""What is raised where data cannot be had."""


class DataError(ValueError):
    """The data that was asked for is not on this machine, cannot be read, or makes no sense."""


class NotPreparedError(DataError):
    """A data set that tensorflow_datasets knows is not in its folder."""
