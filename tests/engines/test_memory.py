"""What the process keeps beyond its tensors."""

import os
import subprocess
import sys

import pytest
import torch

from rfpo.engines.local.memory import PRODUCT_CACHES, PRODUCTS
from tests.engines.build import engine_of

GROWTH = """
import ctypes, torch
from rfpo.engines.local.memory import PRODUCTS, bound_product_caches

class Heap(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in
                "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost".split()]

mallinfo = ctypes.CDLL("libc.so.6").mallinfo2
mallinfo.restype = Heap
weight = torch.randn(64, 64, dtype=torch.bfloat16)

def used(first, count):
    for length in range(first, first + count):
        torch.randn(length, 64, dtype=torch.bfloat16) @ weight
    return mallinfo().uordblks / 2**20

bound_product_caches()
filled = used(20, PRODUCTS + 20)
print(used(20 + PRODUCTS + 20, PRODUCTS) - filled)
"""


@pytest.fixture
def unset(monkeypatch):
    for name in PRODUCT_CACHES:
        monkeypatch.setenv(name, "")  # so that whatever is set in the test goes after it
        monkeypatch.delenv(name)


def test_an_engine_bounds_both_caches_of_products(directory, unset):
    engine_of(directory)
    assert [os.environ[name] for name in PRODUCT_CACHES] == [str(PRODUCTS)] * 2


def test_the_environments_word_stands(directory, unset, monkeypatch):
    monkeypatch.setenv("LRU_CACHE_CAPACITY", "7")
    engine_of(directory)
    assert os.environ["LRU_CACHE_CAPACITY"] == "7"


@pytest.mark.skipif(not sys.platform.startswith("linux") or not torch.ops.mkldnn._is_mkldnn_bf16_supported(),
                    reason="only a CPU with bf16 products keeps plans of them; glibc says how much")
def test_products_of_ever_new_sizes_do_not_make_the_process_grow(unset):
    done = subprocess.run([sys.executable, "-c", GROWTH], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 4  # MiB for 128 sizes; 67 with the caches as they come
