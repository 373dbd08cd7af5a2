import os
import sys

import psutil
import pytest

from anomalygpt.web.memory import return_memory

BLOCK, COUNT = 100_000, 1500


@pytest.mark.skipif(sys.platform != "linux", reason="only glibc hands holes in its memory back")
def test_holes_left_by_what_was_freed_go_back_to_the_system():
    process = psutil.Process(os.getpid())
    blocks = [bytes([index % 251]) * BLOCK for index in range(COUNT)]
    kept = blocks[::50]
    full = process.memory_info().rss
    del blocks
    return_memory()
    freed = full - process.memory_info().rss
    assert freed > 0.7 * BLOCK * COUNT
    assert all(len(block) == BLOCK for block in kept)
