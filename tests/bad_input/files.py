"""Broken inputs, each broken in one way, in the current folder."""

import json
import shutil
from pathlib import Path

from rfpo.correction._templates import SETS
from tests.tiny_models import save_tiny_model

SUMS = [json.dumps({"prompt": f"{i}+{i}=", "answer": str(2 * i)}) for i in range(1, 9)]


def write(name: str, *lines: str) -> None:
    Path(name).write_text("".join(line + "\n" for line in lines))


def copies(source: Path, **removed: tuple[str, ...]) -> None:
    """A copy of a folder for each name, without some of its files."""
    for name, files in removed.items():
        shutil.copytree(source, name)
        for file in files:
            Path(name, file).unlink()


def models() -> None:
    whole = save_tiny_model(Path("model"))
    copies(whole, no_config=("config.json",), no_weights=("model.safetensors",), broken=(), cut=(), bad_config=(), short=(),
           no_tokenizer=("tokenizer.json", "tokenizer_config.json"))
    weights, config = Path("model/model.safetensors").read_bytes(), Path("model/config.json").read_text()
    Path("broken/model.safetensors").write_bytes(b"x" * 100)
    Path("cut/model.safetensors").write_bytes(weights[: len(weights) // 2])
    Path("bad_config/config.json").write_text("{")
    Path("short/config.json").write_text(json.dumps(json.loads(config) | {"max_position_embeddings": 16}))


def data() -> None:
    write("data.jsonl", *SUMS)
    write("line.jsonl", *SUMS[:2], '{"prompt": "1+1=", "answer": ')
    write("list.jsonl", *SUMS[:2], "[1, 2]")
    write("no_answer.jsonl", *SUMS[:2], '{"prompt": "1+1=", "answer": ""}')
    write("no_prompt.jsonl", *SUMS[:2], '{"prompt": " ", "answer": "2"}')
    write("column.jsonl", *SUMS[:2], '{"prompt": "1+1=", "anser": "2"}')
    write("gold.jsonl", *SUMS[:2], '{"prompt": "1+1=", "answer": "no idea at all"}')
    write("empty.jsonl")
    write("one.jsonl", SUMS[0])
    write("long.jsonl", *SUMS, json.dumps({"prompt": "1" + "+1" * 100 + "=", "answer": "101"}))
    Path("torn.parquet").write_bytes(b"PAR1")


def code() -> None:
    write("raising.py", "raise RuntimeError('no key')")
    write("own.py", "number = 3", "def verify(completion, answer, row):", "    return True")


def templates() -> None:
    copies(SETS / "prose", lacking=(), unknown=(), without=("fix_located.txt",))
    Path("lacking/fix_located.txt").write_text("${question} is wrong at ${place}\n")
    Path("unknown/fix_located.txt").write_text("${question} ${attempt} ${place} ${reward}\n")


def runs() -> None:
    for file, text in {"used/run.toml": "seed = 0", "torn/run.toml": "seed = ", "files/notes.txt": "mine"}.items():
        Path(file).parent.mkdir()
        Path(file).write_text(text)


def everything() -> None:
    for make in (models, data, code, templates, runs):
        make()
