"""What a student's code may not ask of the kernel, as a filter that bubblewrap loads.

The walls and limits leave holes that only this closes: memory that belongs to no
process and so counts against no limit, keys that stay for the next student's worker,
and namespaces in which anybody is root. To the code inside it looks as if the kernel
had none of it.
"""

import os
import struct

# Name → number on x86-64, number on 64-bit Arm.
DENIED = {
    # memory that no process owns, so that no limit on processes counts it
    "shmget": (29, 194),
    "semget": (64, 190),
    "msgget": (68, 186),
    "mq_open": (240, 180),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    # keys stay for whoever runs under this user's number next
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    # signs to the worker of another notebook, which sees the same read-only files
    "flock": (73, 32),
    "inotify_add_watch": (254, 27),
    # other namespaces, roots and mounts
    "unshare": (272, 97),
    "setns": (308, 268),
    "chroot": (161, 51),
    "pivot_root": (155, 41),
    "mount": (165, 40),
    "umount2": (166, 39),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsmount": (432, 432),
    "mount_setattr": (442, 442),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    # other processes
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "kcmp": (312, 272),
    "pidfd_getfd": (438, 438),
    # large parts of the kernel that no notebook needs
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "fanotify_init": (300, 262),
    "quotactl": (179, 60),
    "acct": (163, 89),
    "swapon": (167, 224),
    "reboot": (169, 142),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
}
# The one thing that a process may not ask of the call prctl: to stay when the one that
# started it is gone.
PRCTL, PR_SET_PDEATHSIG = (157, 167), 1
# Machine → its number in the kernel's audit.h, and the column above.
MACHINES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}
# Later calls are unknown here; on x86-64, the x32 ones have numbers far above this.
NEWEST = 452

# Instructions of the kernel's filter machine: load a word, jump, return.
LOAD, EQUAL, ABOVE, RETURN = 0x20, 0x15, 0x25, 0x06
ALLOW, NO_SUCH_CALL, KILL = 0x7FFF0000, 0x00050000 | 38, 0x80000000
NUMBER, MACHINE, FIRST_ARGUMENT = 0, 4, 16


def rules() -> bytes:
    """Return the filter's program for this machine; nothing for an unknown one."""
    machine, column = MACHINES.get(os.uname().machine, (0, 0))
    if not machine:
        return b""
    numbers = sorted(numbers[column] for numbers in DENIED.values())
    stay = [
        (EQUAL, 0, 4, PRCTL[column]),
        (LOAD, 0, 0, FIRST_ARGUMENT),
        (EQUAL, 0, 1, PR_SET_PDEATHSIG),
        (RETURN, 0, 0, NO_SUCH_CALL),
        (RETURN, 0, 0, ALLOW),
    ]
    program = [
        (LOAD, 0, 0, MACHINE),
        (EQUAL, 1, 0, machine),
        (RETURN, 0, 0, KILL),
        (LOAD, 0, 0, NUMBER),
        (ABOVE, len(stay) + len(numbers) + 1, 0, NEWEST),
        *stay,
    ]
    # A match jumps over what is left of the list and over ALLOW.
    for left, number in zip(range(len(numbers), 0, -1), numbers, strict=True):
        program.append((EQUAL, left, 0, number))
    program += [(RETURN, 0, 0, ALLOW), (RETURN, 0, 0, NO_SUCH_CALL)]
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in program)
