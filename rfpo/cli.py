"""The command line. A user's mistake is one line on stderr and exit code 2, never a traceback."""

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module

from rfpo import __version__
from rfpo.errors import UserError, near_miss
from rfpo.pieces import names

ROOM = "rfpo.commands"
FIRST = """first steps:
  rfpo demo                                            GRPO and RFPO side by side on a tiny model, on the CPU
  rfpo check rfpo --model DIR --tasks data.jsonl       what the model would see; trains nothing
  rfpo train rfpo --model DIR --tasks data.jsonl       train
  rfpo recipes                                         the named runs;   rfpo pieces   what they are made of
"""


class Parser(argparse.ArgumentParser):
    """argparse, with its errors in one line."""

    def error(self, message: str):
        raise UserError(f"{message}; see {self.prog} --help")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0, 2 for a user's mistake, 130 when interrupted."""
    if busy():
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    argv = list(sys.argv[1:] if argv is None else argv)
    try:
        check_command(argv)
        arguments = parser().parse_args(argv or ["--help"])
        return arguments.run(arguments) or 0
    except UserError as error:
        print(f"rfpo: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt as stopped:
        print(f"rfpo: stopped. {stopped}".rstrip(), file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of a pipe, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def busy() -> bool:
    """Whether something else works on this machine. Asked before torch is loaded: its threads spin while they wait for
    their next matrix product. On free cores that samples small models twice as fast as sleeping does; on shared ones they
    spin away the time of whoever has the work, several times over."""
    return hasattr(os, "getloadavg") and os.getloadavg()[0] > (os.cpu_count() or 1) / 2


def check_command(argv: list[str]) -> None:
    """A command that does not exist, with the nearest one that does; argparse would only list them all."""
    if argv and not argv[0].startswith("-") and argv[0] not in names(ROOM):
        raise UserError(f"there is no command {argv[0]!r}; {near_miss(argv[0], names(ROOM))} See rfpo --help")


def parser() -> Parser:
    """The parser of all commands, each from its own file."""
    root = Parser(prog="rfpo", description="Post-training of language models that learns from the answers a model gets wrong.",
                  epilog=FIRST, formatter_class=argparse.RawDescriptionHelpFormatter)
    root.add_argument("--version", action="version", version=f"rfpo {__version__}")
    commands = root.add_subparsers(metavar="COMMAND", required=True)
    for name in names(ROOM):
        command = import_module(f"{ROOM}.{name}")
        summary = command.__doc__.split("\n")[0]
        own = commands.add_parser(name, help=summary, description=command.__doc__, epilog=command.EXAMPLES,
                                  formatter_class=argparse.RawDescriptionHelpFormatter)
        command.arguments(own)
        own.set_defaults(run=command.run)
    return root
