"""Memory that was used goes back to the machine, so that what is resident is in use."""

# pyarrow ships no types.
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false

import ctypes
import platform

import pyarrow as pa

# glibc's own numbers of these options.
_MMAP_THRESHOLD, _ARENA_MAX = -3, -8
# Larger blocks are mapped alone, and unmapped when they are freed. Left to itself glibc
# raises this bound to 32 MiB with the first of them, and keeps all after it.
_MAPPED_FROM = 256 * 1024


def give_back() -> None:
    """Set up this process's allocators; before its first thread.

    Arrow's own pools keep what was freed, and so does glibc in an arena a thread:
    together a third of what an exporter had resident.
    """
    pa.set_memory_pool(pa.system_memory_pool())
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        libc.mallopt(_MMAP_THRESHOLD, _MAPPED_FROM)
        libc.mallopt(_ARENA_MAX, 1)
