"""On which devices a run computes: one, several of this machine, or those of several machines."""

import tensorflow as tf

from trainers.errors import UsageError
from trainers.run import workers
from trainers.run.peers import Peers
from trainers.settings import cluster
from trainers.settings.experiment import Experiment
from xadv_tf import noise


def build(experiment: Experiment, peers: Peers) -> tf.distribute.Strategy:
    """The distribution strategy by its flag; auto mirrors over GPUs where there are several.

    Args:
        experiment: has the flags.
        peers: as `workers.together` gave them.

    Raises:
        UsageError: for --jit=on with several replicas on CPUs, for several workers where the
            program knows none, and for more replicas than there is randomness for.
    """
    strategy = _build(experiment.strategy, peers)
    replicas = strategy.num_replicas_in_sync
    if replicas > noise.MAX_REPLICAS:
        raise UsageError(
            f"--strategy must make at most {noise.MAX_REPLICAS} replicas. "
            f"Received: --strategy={experiment.strategy}, {replicas} replicas"
        )
    if experiment.jit == "on" and replicas > 1 and not on_gpus(strategy):
        raise UsageError(
            "--jit=on must come with one replica or with GPUs, for sums over several CPUs do not "
            f"compile. Received: --jit=on --strategy={experiment.strategy}, {replicas} CPU replicas"
        )
    return strategy


def on_gpus(strategy: tf.distribute.Strategy) -> bool:
    """Whether all replicas of this process compute on GPUs."""
    if strategy.num_replicas_in_sync == 1:  # The default strategy has no list of its devices.
        return bool(tf.config.list_logical_devices("GPU"))
    devices = map(tf.DeviceSpec.from_string, strategy.extended.worker_devices)
    return all(device.device_type == "GPU" for device in devices)


def _build(name: str, peers: Peers) -> tf.distribute.Strategy:
    if name == cluster.STRATEGY:
        if not peers.connected:
            raise UsageError(
                f"--strategy={name} is for trainers.train alone. Received: --strategy={name}"
            )
        if peers.count > 1:
            return workers.strategy(peers)
        name = "auto"
    gpus = tf.config.list_logical_devices("GPU")
    if name == "auto":
        name = "mirrored" if len(gpus) > 1 else "one_device"
    if name == "one_device":
        return tf.distribute.get_strategy()
    if gpus:
        return tf.distribute.MirroredStrategy([device.name for device in gpus])
    # Logical CPUs, for trying things out: the default collectives are made for GPUs, and two
    # strategies in one process get in each other's way.
    return tf.distribute.MirroredStrategy(
        [device.name for device in tf.config.list_logical_devices("CPU")],
        cross_device_ops=tf.distribute.ReductionToOneDevice(),
    )
