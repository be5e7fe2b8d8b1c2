"""The command line in this process: exit code, stdout, stderr."""

import json
from pathlib import Path

from rfpo.cli import main


def rfpo(capsys, *arguments: str) -> tuple[int, str, str]:
    """Run a command as a shell would."""
    try:
        code = main(list(arguments))
    except SystemExit as ended:  # --help and --version
        code = ended.code or 0
    out, err = capsys.readouterr()
    return code, out, err


def sums(path: Path, n: int = 12) -> Path:
    """A JSONL file of n sums with their answers."""
    path.write_text("\n".join(json.dumps({"prompt": f"{i}+{i}=", "answer": str(2 * i)}) for i in range(1, n + 1)))
    return path
