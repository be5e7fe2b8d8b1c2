"""The pool of worker processes that judges a batch of completions."""

import time
import weakref
from collections import Counter, deque
from collections.abc import Callable, Sequence
from multiprocessing.connection import wait as wait_for

from rfpo.errors import UserError
from rfpo.records import Outcome, Prompt, Verdict
from rfpo.tasks import Task
from rfpo.verification.judge_one import judge_one
from rfpo.verification.process import WorkerDied, WorkerProcess
from rfpo.verification.wire import prompt_to_json, task_to_json, verdict_from_json

Item = tuple[Prompt, str]


class Verifier:
    """Judges completions, each within `seconds`, and gives back a verdict for every one of them.

    A task whose `isolated` is False is judged here. Any other is judged in one of `workers` processes, which are started
    when first needed, import no torch, and hold one completion at a time and at most `memory_gib` GiB (None: no limit; only
    Linux knows it). A verifier that raises or returns nonsense makes its completion UNGRADED; so does one that hangs, in C
    too, or takes its process down, and the process is killed and replaced. No other verdict is touched. What a verifier
    prints is dropped. The start of a process is not timed, nor a task's `warm_up()`, which is called then if there is one.

    `ungraded` counts UNGRADED verdicts by reason, `judged` counts all. Not for use by several threads at once.

        with Verifier((task,), seconds=5.0) as verifier:
            verdicts = verifier.judge([(prompt, completion.text) for ...])

    Raises UserError when two tasks have one name, when a task cannot be rebuilt in a process of its own, or when it fails
    to start there.
    """

    def __init__(self, tasks: Sequence[Task], seconds: float = 5.0, workers: int = 2, memory_gib: float | None = 8.0):
        if not (seconds > 0 and workers >= 1):
            raise UserError(f"a Verifier has {seconds} seconds and {workers} workers; both must be positive. Try 5.0 and 2.")
        self._tasks = _by_name(tasks)
        self.seconds, self.workers, self.memory_gib = seconds, workers, memory_gib
        self.ungraded: Counter[str] = Counter()
        self.judged = 0
        self._begun = 0
        self._waiting: deque[tuple[int, Item]] = deque()
        self._verdicts: dict[int, Verdict] = {}
        self._running: list[WorkerProcess] = []
        self._hello = {"tasks": {name: task_to_json(task) for name, task in self._tasks.items() if task.isolated},
                       "seconds": seconds, "memory_gib": memory_gib}
        self._finalizer = weakref.finalize(self, _kill_all, self._running)  # also at the interpreter's end

    def __enter__(self) -> "Verifier":
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def close(self) -> None:
        """End the worker processes; what they had begun to judge is forgotten. The next `judge` starts new ones."""
        _kill_all(self._running)
        self._waiting.clear()
        self._verdicts.clear()

    def __call__(self, items: Sequence[Item]) -> list[Verdict]:
        return self.judge(items)

    def judge(self, items: Sequence[Item]) -> list[Verdict]:
        """The verdicts in the order of the items."""
        return self.begin(items)()

    def begin(self, items: Sequence[Item]) -> Callable[[], list[Verdict]]:
        """Judging begins, and goes on in the worker processes while the caller does something else. What is returned waits
        for the verdicts, and gives them in the order of the items; to be called once."""
        numbers = range(self._begun, self._begun + len(items))
        self._begun += len(items)
        for number, (prompt, text) in zip(numbers, items, strict=True):
            if self._tasks[prompt.task].isolated:
                self._waiting.append((number, (prompt, text)))
            else:
                self._verdicts[number] = judge_one(self._tasks[prompt.task], prompt, text)
        self._work_on(wait=False)
        return lambda: self._take(numbers)

    def _take(self, numbers: range) -> list[Verdict]:
        while any(number not in self._verdicts for number in numbers):
            self._work_on(wait=True)
        ordered = [self._verdicts.pop(number) for number in numbers]
        self.judged += len(ordered)
        self.ungraded.update(verdict.feedback.partition(":")[0] for verdict in ordered if verdict.outcome is Outcome.UNGRADED)
        return ordered

    def _work_on(self, wait: bool) -> None:
        try:
            self._collect(wait=False)
            self._hand_out()
            if wait:
                self._collect(wait=True)
        except BaseException:
            self.close()  # no process is left with half an answer, nor as an orphan
            raise

    def _hand_out(self) -> None:
        waiting = self._waiting
        wanted = min(self.workers, len(waiting) + sum(worker.item is not None for worker in self._running))
        while len(self._running) < wanted:
            self._running.append(WorkerProcess(self._hello))
        for worker in [worker for worker in self._running if not worker.waited_for]:
            if not waiting:
                return
            number, (prompt, text) = waiting.popleft()
            try:
                worker.give(number, {"prompt": prompt_to_json(prompt), "text": text}, self.seconds)
            except WorkerDied as error:
                if error.unread:  # it died while it was idle: another one takes the item
                    waiting.appendleft((number, (prompt, text)))
                    self._replace(worker)
                else:
                    self._give_up(worker, str(error))

    def _collect(self, wait: bool) -> None:
        """Take every answer, death and deadline that there is; with `wait`, wait for the first one."""
        busy = [worker for worker in self._running if worker.waited_for]
        if not busy:
            return
        patience = max(0.0, min(worker.deadline for worker in busy) - time.monotonic()) if wait else 0.0
        for worker in wait_for(busy, patience):
            self._take_answer(worker)
        for worker in busy:
            if worker in self._running and worker.waited_for and time.monotonic() > worker.deadline:
                self._give_up(worker, f"took longer than {self.seconds:g} s")

    def _take_answer(self, worker: WorkerProcess) -> None:
        try:
            answer = worker.receive()
        except WorkerDied as error:
            self._give_up(worker, str(error))
            return
        if answer is None:
            return
        if not worker.ready:
            if "failed" in answer:
                raise UserError(answer["failed"])
            worker.ready = True
            return
        self._verdicts[worker.item] = verdict_from_json(answer)
        worker.item = None

    def _give_up(self, worker: WorkerProcess, why: str) -> None:
        if not worker.ready:
            raise worker.start_failure(why)
        self._verdicts[worker.item] = Verdict.ungraded(why)
        self._replace(worker)

    def _replace(self, worker: WorkerProcess) -> None:
        worker.kill()
        self._running.remove(worker)


def _by_name(tasks: Sequence[Task]) -> dict[str, Task]:
    named: dict[str, Task] = {}
    for task in tasks:
        if task.name in named:
            raise UserError(f"two tasks are named {task.name!r}; a prompt would not know its own. Give one of them a label.")
        named[task.name] = task
    return named


def _kill_all(running: list[WorkerProcess]) -> None:
    while running:
        running.pop().kill()
