import json

import pytest

from trainers.settings import cluster

_WORKERS = {"worker": ["a:1", "b:2", "c:3"]}


def _read(monkeypatch, jobs, job, index):
    config = {"cluster": jobs, "task": {"type": job, "index": index}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(config))
    return cluster.from_environment()


def test_the_first_worker_is_the_chief(monkeypatch):
    read = _read(monkeypatch, _WORKERS, "worker", 2)
    assert (read.addresses, read.index) == (("a:1", "b:2", "c:3"), 2)
    assert read.name(1) == "worker 1 (b:2)"


def test_a_chief_of_its_own_comes_before_the_workers(monkeypatch):
    jobs = {"worker": ["b:2", "c:3"], "chief": ["a:1"]}
    assert _read(monkeypatch, jobs, "chief", 0).index == 0
    read = _read(monkeypatch, jobs, "worker", 1)
    assert (read.addresses, read.index) == (("a:1", "b:2", "c:3"), 2)


@pytest.mark.parametrize(
    ("jobs", "job", "index", "why"),
    [
        ({**_WORKERS, "ps": ["d:4"]}, "worker", 0, "not ps"),
        ({"chief": ["a:1", "b:2"]}, "chief", 0, "one chief"),
        (_WORKERS, "worker", 3, "none of its cluster"),
        (_WORKERS, "worker", -1, "none of its cluster"),
        (_WORKERS, "worker", "1", "none of its cluster"),
        (_WORKERS, "chief", 0, "none of its cluster"),
        ({"worker": ["a:1", "b"]}, "worker", 0, "b is no host:port"),
        ({"worker": ["a:1", "b:70000"]}, "worker", 0, "b:70000 is no host:port"),
        ({"worker": ["a:1", "a:1"]}, "worker", 0, "one address"),
        ([], "worker", 0, "lacks cluster or task"),
    ],
)
def test_what_tensorflow_could_not_use_is_refused(monkeypatch, jobs, job, index, why):
    with pytest.raises(ValueError, match=rf"^TF_CONFIG must be such as .*{why}\)$"):
        _read(monkeypatch, jobs, job, index)


@pytest.mark.parametrize(("text", "why"), [("{", "it is no JSON"), ("3", "it is no object")])
def test_what_is_no_object_is_refused(monkeypatch, text, why):
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(ValueError, match=why):
        cluster.from_environment()


def test_without_it(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    with pytest.raises(ValueError, match=r"^--strategy=multi_worker .*Received: no TF_CONFIG$"):
        cluster.from_environment()


def test_hosts_and_ports():
    assert cluster.host_and_port("a.b:22") == ("a.b", 22)
    assert cluster.host_and_port("[::1]:22") == ("::1", 22)
