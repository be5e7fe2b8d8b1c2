"""Warm worker processes: each imports once and then does one piece of work after another, on one thread."""

import multiprocessing
import os
import queue
import signal
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rfpo.errors import UserError

ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false", "OMP_WAIT_POLICY": "PASSIVE"}


@dataclass(frozen=True)
class Job:
    """Work for a worker: `work(*arguments, show)`; `label` names it where progress is shown."""

    label: str
    work: Callable
    arguments: tuple


@dataclass(frozen=True)
class News:
    """From a worker: a job's progress (`share`, `solved`), or its end (`result`, or `error` in one line and
    its trace)."""

    label: str
    share: float = 0.0
    solved: float | None = None
    done: bool = False
    result: object = None
    error: str = ""
    trace: str = ""


class Pool:
    """`count` workers. `start` gives an idle one a job, `news` waits for what they have to say. A worker that dies is replaced,
    and its job is reported as failed. Leaving the block kills all."""

    def __init__(self, count: int):
        self._context = multiprocessing.get_context("spawn")
        self._count = count
        self._workers: list[_Worker] = []

    def __enter__(self) -> "Pool":
        self._news = self._context.Queue()
        return self

    def __exit__(self, *_) -> None:
        for worker in self._workers:
            worker.process.kill()
        for worker in self._workers:
            worker.process.join()

    @property
    def idle(self) -> int:
        return self._count - sum(worker.job is not None for worker in self._workers)

    def start(self, job: Job) -> None:
        worker = next((worker for worker in self._workers if worker.job is None), None) or self._hire()
        worker.job = job
        worker.jobs.put(job)

    def news(self, seconds: float) -> list[News]:
        """All that was said since, after waiting at most so long for the first word."""
        until, heard = time.monotonic() + seconds, []
        while (word := self._word(max(0.0, until - time.monotonic()) if not heard else 0.0)) is not None:
            heard.append(word)
        for word in heard:
            if word.done and (worker := self._worker_of(word.label)) is not None:
                worker.job = None
        return heard + self._buried()

    def _word(self, seconds: float) -> News | None:
        try:
            return self._news.get(timeout=seconds) if seconds else self._news.get_nowait()
        except queue.Empty:
            return None

    def _hire(self) -> "_Worker":
        jobs = self._context.Queue()
        before = {name: os.environ.get(name) for name in ONE_THREAD}
        os.environ.update(ONE_THREAD)
        try:
            process = self._context.Process(target=_serve, args=(jobs, self._news), daemon=True)
            process.start()
        finally:
            for name, value in before.items():
                os.environ.pop(name) if value is None else os.environ.__setitem__(name, value)
        self._workers.append(_Worker(process, jobs))
        return self._workers[-1]

    def _worker_of(self, label: str) -> "_Worker | None":
        """None when it has died."""
        return next((worker for worker in self._workers if worker.job is not None and worker.job.label == label), None)

    def _buried(self) -> list[News]:
        """The jobs of workers that died."""
        dead = [worker for worker in self._workers if not worker.process.is_alive() and worker.job is not None]
        self._workers = [worker for worker in self._workers if worker not in dead]
        return [News(worker.job.label, done=True, error=f"its worker process ended with exit code {worker.process.exitcode} "
                     "(killed, or out of memory)") for worker in dead]


@dataclass
class _Worker:
    process: multiprocessing.Process
    jobs: multiprocessing.Queue
    job: Job | None = None


def _serve(jobs, news) -> None:
    """One worker's life."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides
    import torch

    from rfpo.engines.local import set_malloc

    torch.set_num_threads(1)
    set_malloc()
    threading.Thread(target=_end_with, args=(multiprocessing.parent_process(),), daemon=True).start()
    while True:
        news.put(_answer(jobs.get(), news))


def _end_with(parent) -> None:
    """A parent that was killed cannot end its workers; two of them must not work in one cell's directory."""
    parent.join()
    os._exit(1)


def _answer(job: Job, news) -> News:
    def show(share: float, solved: float | None) -> None:
        news.put(News(job.label, share, solved))

    try:
        return News(job.label, done=True, result=job.work(*job.arguments, show))
    except UserError as error:
        return News(job.label, done=True, error=str(error))
    except Exception as error:  # one cell's failure is not the study's
        where = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{Path(where.filename).name}:{where.lineno}"
        return News(job.label, done=True, error=f"{type(error).__name__}: {error} ({place})", trace=traceback.format_exc())
