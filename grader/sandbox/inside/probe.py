"""Tries, inside the sandbox and before any student's code, all that must fail there."""

import contextlib
import ctypes
import json
import os
import socket
import sys
from pathlib import Path

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))


def starts_a_process():
    """Try to start a process."""
    if os.fork() == 0:
        os._exit(0)
    os.wait()


def takes_memory(mib):
    """Try to take more memory than is allowed."""
    bytearray((mib + 1) * 2**20)


def writes(folder):
    """Try to write a file."""
    path = Path(folder, "probe")
    path.write_text("was here")
    path.unlink()


def fills(folder):
    """Try to write a file larger than is allowed."""
    with Path(folder, "large").open("wb") as file:
        for _ in range(128):
            file.write(bytes(2**20))


def opens_the_network():
    """Try to reach beyond this machine."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as client:
        client.settimeout(2)
        client.connect(("192.0.2.1", 80))


def sees_the_machine(secret):
    """Look for what only the host has: its processes, its users, the marker itself."""
    processes = [name for name in os.listdir("/proc") if name.isdigit()]
    if len(processes) <= 4 and not any(map(os.path.exists, ("/etc/passwd", secret))):
        raise OSError("sees nothing")


def _calls(name, *arguments):
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    if getattr(libc, name)(*arguments) < 0:
        raise OSError(ctypes.get_errno(), name)


def takes_uncounted_memory():
    """Try to get memory that belongs to no process."""
    _calls("shmget", 0, ctypes.c_size_t(2**20), 0o1600)


def leaves_a_key():
    """Try to leave a text in the kernel for the next process of this user."""
    number = {"x86_64": 248, "aarch64": 217}.get(os.uname().machine)
    if number is None:
        return
    _calls("syscall", number, b"user", b"probe", b"was here", 8, -4)


def makes_namespaces():
    """Try to become root in a namespace."""
    _calls("unshare", 0x10000000)


def opens_another_process():
    """Try to open the memory of another process, which has no limits."""
    numbers = {int(name) for name in os.listdir("/proc") if name.isdigit()}
    for number in numbers - {os.getpid()}:
        with contextlib.suppress(OSError), open(f"/proc/{number}/mem", "r+b", 0):
            return
    raise OSError("opens none")


def stays():
    """Try to stay when the marker is gone."""
    _calls("prctl", 1, 0, 0, 0, 0)


def is_root():
    """Look whether the worker has kept the root user's rights."""
    if os.getuid() != 0 or os.getgid() != 0:
        raise OSError("is not root")
    os.chown("/tmp", 0, 0)


def has_network_interface():
    """Look for a network interface other than its own loopback."""
    if {name for _, name in socket.if_nameindex()} <= {"lo"}:
        raise OSError("has none")


def attempts(limits):
    """Return what is tried, each under the words that say so if it succeeds."""
    return {
        "it can start processes": starts_a_process,
        "it can take more memory than allowed": lambda: takes_memory(
            limits["memory_mib"]
        ),
        "it can take memory that no limit counts": takes_uncounted_memory,
        "it can leave a note for the next student's code": leaves_a_key,
        "it can make namespaces": makes_namespaces,
        "it can write to the memory of another process": opens_another_process,
        "it can stay when the marker is gone": stays,
        "it can write outside its own folder": lambda: writes("/"),
        "it can write to /dev/shm": lambda: writes("/dev/shm"),
        "it can write files of any size": lambda: fills("/tmp"),
        "it can reach the network": opens_the_network,
        "it has a network interface": has_network_interface,
        "it can see the host's files or processes": lambda: sees_the_machine(
            limits["secret"]
        ),
        "it runs as root": is_root,
    }


def main():
    """Set the limits as a worker does, try everything, print what succeeded."""
    import signal

    import worker

    limits = json.loads(sys.argv[1])
    worker.confine(limits)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    print(
        json.dumps([x for x, attempt in attempts(limits).items() if _succeeds(attempt)])
    )


def _succeeds(attempt):
    try:
        attempt()
    except (OSError, MemoryError):
        return False
    return True


if __name__ == "__main__":
    main()
