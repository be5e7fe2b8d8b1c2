"""`python -m tests.training.killed TARGET N ARGUMENTS`: rfpo, with its process killed at the N-th call of TARGET."""

import os
import signal
import sys

import torch

from rfpo.cli import main
from tests.training.build import at_call


def kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    torch.set_num_threads(1)
    setattr(*at_call(sys.argv[1], int(sys.argv[2]), kill))
    sys.exit(main(sys.argv[3:]))
