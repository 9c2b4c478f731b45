"""TF_CONFIG: the machines that share a run, and which of them this process is."""

import dataclasses
import json
import os
from collections.abc import Mapping
from typing import Any

from trainers.errors import UsageError

# The value of --strategy that asks for them.
STRATEGY = "multi_worker"
VARIABLE = "TF_CONFIG"
_EXAMPLE = (
    '{"cluster": {"worker": ["host0:2222", "host1:2222"]}, "task": {"type": "worker", "index": 0}}'
)
# What TensorFlow takes for the first worker, and for the others after it.
_JOBS = ("chief", "worker")


@dataclasses.dataclass(frozen=True)
class Cluster:
    """The processes of a run.

    Attributes:
        addresses: "host:port" of each, the chief's first.
        index: which of them this process is.
    """

    addresses: tuple[str, ...]
    index: int

    def name(self, index: int) -> str:
        """How messages call a worker."""
        return f"worker {index} ({self.addresses[index]})"


def from_environment() -> Cluster:
    """Reads TF_CONFIG as TensorFlow does.

    Raises:
        UsageError: it is not there, or TensorFlow could not use it.
    """
    text = os.environ.get(VARIABLE)
    if not text:
        raise UsageError(
            f"--strategy={STRATEGY} must come with {VARIABLE} in the environment, such as "
            f"{_EXAMPLE}; docs/scaling.md says more. Received: no {VARIABLE}"
        )
    try:
        return _read(json.loads(text))
    except (TypeError, ValueError) as error:
        why = "it is no JSON" if isinstance(error, json.JSONDecodeError) else error
        raise UsageError(
            f"{VARIABLE} must be such as {_EXAMPLE}. Received: {VARIABLE}={text} ({why})"
        ) from error


def _read(config: Any) -> Cluster:
    if not isinstance(config, Mapping):
        raise ValueError("it is no object")
    cluster, task = config.get("cluster"), config.get("task")
    if not isinstance(cluster, Mapping) or not isinstance(task, Mapping):
        raise ValueError("it lacks cluster or task")
    others = sorted(set(cluster) - set(_JOBS))
    if others:
        raise ValueError(f"its jobs may be chief and worker, not {', '.join(others)}")
    jobs = {job: list(cluster.get(job, ())) for job in _JOBS}
    if len(jobs["chief"]) > 1:
        raise ValueError("there may be one chief")
    job, number = task.get("type"), task.get("index")
    if job not in jobs or type(number) is not int or not 0 <= number < len(jobs[job]):
        raise ValueError("its task is none of its cluster")
    addresses = (*jobs["chief"], *jobs["worker"])
    for address in addresses:
        host_and_port(address)
    if len(set(addresses)) < len(addresses):
        raise ValueError("two workers have one address")
    return Cluster(addresses, number + (len(jobs["chief"]) if job == "worker" else 0))


def host_and_port(address: Any) -> tuple[str, int]:
    """("host", 2222) of "host:2222", or ("::1", 2222) of "[::1]:2222".

    Raises:
        ValueError: it is no address.
    """
    host, _, port = str(address).rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 2**16:
        raise ValueError(f"{address} is no host:port")
    return host.strip("[]"), int(port)
