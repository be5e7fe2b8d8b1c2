"""One worker process as the trainer sees it: it is given one item at a time, answers, hangs, or dies."""

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time

from rfpo.errors import UserError

START_SECONDS = 120.0
# A process of its own with the very import path of this one; unlike fork it is safe after torch has started threads, and
# unlike spawn it does not run the caller's script again.
START = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from rfpo.verification.worker import main; main()"


class WorkerDied(Exception):
    """The process ended. `unread` is True when it was gone before the item was handed over."""

    def __init__(self, how: str, unread: bool = False):
        super().__init__(how)
        self.unread = unread


class WorkerProcess:
    """`item` is the number of the item in hand, or None; `deadline` is when an answer is overdue, in time.monotonic()."""

    def __init__(self, hello: dict):
        path = [folder or os.getcwd() for folder in sys.path]
        self._log = tempfile.TemporaryFile()  # what it says until it is ready
        self._process = subprocess.Popen(
            [sys.executable, "-c", START, json.dumps(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log,
            env=os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}, bufsize=0, start_new_session=True)
        os.set_blocking(self._process.stdin.fileno(), False)
        os.set_blocking(self._process.stdout.fileno(), False)
        self._received = b""
        self.ready, self.item = False, None
        self.deadline = time.monotonic() + START_SECONDS
        try:
            self._send(hello)
        except WorkerDied as error:
            raise self.start_failure(str(error)) from error

    def fileno(self) -> int:
        return self._process.stdout.fileno()

    @property
    def waited_for(self) -> bool:
        return not self.ready or self.item is not None

    def give(self, item: int, message: dict, seconds: float) -> None:
        """Hand over an item; its time runs from now on."""
        self.item, self.deadline = item, time.monotonic() + seconds
        self._send(message)

    def receive(self) -> dict | None:
        """The answer, or None while it is not complete. Raises WorkerDied."""
        try:
            piece = os.read(self.fileno(), 1 << 16)
        except BlockingIOError:
            return None
        if not piece:
            raise WorkerDied(self._how_it_ended())
        self._received += piece
        if not self._received.endswith(b"\n"):
            return None
        answer, self._received = json.loads(self._received), b""
        return answer

    def kill(self) -> None:
        """End the process and whatever it started; harmless when it has ended."""
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):  # gone already; macOS says the latter of a zombie
            self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._log):
            stream.close()

    def start_failure(self, why: str) -> UserError:
        self._log.seek(0)
        last = self._log.read().decode(errors="replace").strip().rsplit("\n", 1)[-1]
        return UserError(f"the verifiers' worker process did not start: {why}{': ' + last if last else ''}. Mend what it "
                         f"imports.")

    def _send(self, message: dict) -> None:
        data = memoryview(json.dumps(message).encode() + b"\n")
        pipe, written, room = self._process.stdin.fileno(), 0, select.poll()
        room.register(pipe, select.POLLOUT)
        while written < len(data):
            if not room.poll(max(0.0, 1000 * (self.deadline - time.monotonic()))):
                return  # it does not read: past the deadline it is killed like any other that hangs
            try:
                written += os.write(pipe, data[written:])
            except BrokenPipeError:
                raise WorkerDied(self._how_it_ended(), unread=written == 0) from None

    def _how_it_ended(self) -> str:
        try:
            code = self._process.wait(timeout=0.5)
        except subprocess.TimeoutExpired:
            return "its process closed the pipe"
        if code >= 0:
            return f"its process ended with exit code {code}"
        return f"its process was ended by {signal.Signals(-code).name}"
