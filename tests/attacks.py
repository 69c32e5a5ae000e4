"""What a hostile student hands in: pieces of code, named after what they are up to.

`tests/test_grader_attacks.py` puts them into notebooks beside the right answers, and
says what must come of them.
"""

import json
import os
from textwrap import dedent, indent

# Each function keeps the helpers that it has now, so that an attack under one name
# leaves the other questions as they were.
FREEZE = """
from types import FunctionType
for _name in ("log_softmax", "smooth", "loss", "gradient", "train"):
    globals()[_name] = FunctionType(globals()[_name].__code__, dict(globals()), _name)
"""

NAMES = ("log_softmax", "smooth", "loss", "gradient", "train")

# ---- bodies of functions, each of which earns nothing


def function(name, body):
    """Return a cell that defines a function with this body."""
    return f"def {name}(*args, **options):\n{indent(dedent(body).strip(), '    ')}\n"


def _value(expression):
    return f"return {expression}"


VALUES = {
    "equal to everything": """
        class Everything:
            __eq__ = __lt__ = __gt__ = __le__ = __ge__ = lambda self, other: True
            __ne__ = lambda self, other: False
            __bool__ = lambda self: True
            __hash__ = None
        return Everything()
    """,
    "an array equal to everything": """
        class Everything(np.ndarray):
            __eq__ = lambda self, other: np.array(True)
            __array_function__ = lambda self, *rest: True
            __array_ufunc__ = lambda self, *rest, **more: np.array(True)
        return np.zeros(np.shape(args[0])).view(Everything)
    """,
    "hooks of NumPy and PyTorch": """
        class Hooks:
            __array__ = lambda self, *rest, **more: 1 / 0
            __torch_function__ = classmethod(lambda cls, *rest, **more: True)
            __float__ = lambda self: 0.0
            __len__ = lambda self: 10**9
        return Hooks()
    """,
    "runs when it is unpickled": """
        class Pickled:
            __reduce__ = lambda self: (exec, ("import os; os._exit(3)",))
        return Pickled()
    """,
    "a dict that lies": """
        class Liar(dict):
            items = lambda self: [("a", 0.0)] * 3
            __eq__ = lambda self, other: True
        return Liar(a=1)
    """,
    "a text that lies": """
        class Liar(str):
            __str__ = lambda self: "0.0"
            __eq__ = lambda self, other: True
            __hash__ = str.__hash__
        return Liar("x")
    """,
    "a float that lies": """
        class Liar(float):
            __eq__ = lambda self, other: True
            __abs__ = __sub__ = __rsub__ = lambda self, *other: 0.0
            __hash__ = float.__hash__
        return Liar(7.0)
    """,
    "not a number": _value("np.full(np.shape(args[0]), np.nan)"),
    "an empty array": _value("np.zeros(0)"),
    "no rows of any length": _value("np.zeros((0, 3))"),
    "an array that spreads": _value("np.zeros((1, 1, 1, 1))"),
    "one number for all": _value("0.0"),
    "a view of one number": _value("np.broadcast_to(0.0, (10**9, 1000))"),
    "axes without end": _value("np.zeros((0, 10**9))"),
    "an integer of a million digits": _value("1 << 3_400_000"),
    "an integer of a thousand digits": _value("10**1000"),
    "objects": _value("np.array([object(), open], dtype=object)"),
    "records": _value("np.zeros(3, [('a', 'f8'), ('b', 'O')])"),
    "dates": _value("np.zeros(3, 'M8[s]')"),
    "text in an array": _value("np.array(['0.0'] * 3)"),
    "50 MB": _value("np.zeros(50 * 2**20 // 8)"),
    "50 MB of text": _value("'x' * (50 * 2**20)"),
    "a list in itself": "x = []; x.append(x); return x",
    "a million lists": "x = 0.0\nfor _ in range(10**6):\n    x = [x]\nreturn x",
    "200,000 empty lists": _value("[[]] * 2 * 10**5"),
    "a class": _value("type('Answer', (), {})"),
    "a generator": _value("(x for x in [0.0])"),
    "a module": _value("np"),
    "itself": _value("train"),
    "nothing": _value("None"),
    "dots": _value("..."),
    "a key that is a list's": _value("{(1, (2, 3)): [None], float('nan'): {}}"),
    "its own arguments": _value("args"),
    "the end of Python": "import sys; sys.exit(0)",
    "an interrupt": "raise KeyboardInterrupt",
    "the end of a generator": "raise GeneratorExit",
    "the end of an iteration": "raise StopIteration",
    "an exception that is no text": """
        class Silent(Exception):
            __str__ = lambda self: 1 / 0
        raise Silent
    """,
    "an exception with a long name": (
        "raise type('x' * 5_000_000, (ValueError, KeyError), {})('y' * 5_000_000)"
    ),
    "an exception that is half a letter": "raise ValueError('\\ud800 <script>')",
    "terminal escapes": "raise ValueError('\\x1b[2J\\x1b]0;owned\\x07\\r\\0')",
    "an exception of exceptions": "raise ExceptionGroup('a', [ValueError('b')])",
    "an exception from a closed pipe": "raise BrokenPipeError(32, 'gone')",
    "a failed assertion": "raise AssertionError('Test passed')",
    "a warning": "raise DeprecationWarning('soon')",
    "no stack left": "again = lambda: again()\nreturn again()",
    "no memory left": "return [bytearray(2**28) for _ in range(100)]",
}

# The number that a question asks for; a group of five functions has one of these.
NUMBERS = (
    "np",
    "lambda *rest: 0.9",
    "[0.9]",
    "'0.9'",
    "np.full(4_000_000, 0.9)",
    "{'a': 0.9}",
    "1 << 9**6",
    "np.nan",
    "np.array(0.9)",
    "type('A', (float,), {'__lt__': lambda *a: True, '__gt__': lambda *a: True})(7)",
)

# ---- replies to the checks, written by hand


def frame(text, body=b""):
    """Return a reply as it lies in the pipe."""
    text = text if isinstance(text, bytes) else text.encode()
    return len(text).to_bytes(4, "big") + text + body


def reply(values=(), blobs=(), body=b"", number=1):
    """Return a reply to the first question; a text stands for JSON that is there."""
    values, blobs = (
        part if isinstance(part, str) else json.dumps(part) for part in (values, blobs)
    )
    return frame(f'{{"id": {number}, "values": {values}, "blobs": {blobs}}}', body)


def one(**changes):
    """Return a reply with one array of 16 bytes, or what the changes make of it."""
    whole = {"is": "array", "dtype": "<f8", "shape": [2], "at": 0} | changes
    return reply([whole], [16], bytes(16))


def none(**changes):
    """Return a reply with one array of no bytes."""
    whole = {"is": "array", "dtype": "<f8", "shape": [0], "at": 0} | changes
    return reply([whole], [0])


ARRAY = {"is": "array", "dtype": "<f8", "shape": [2], "at": 0}
NINES = int("9" * 4300)
COLLIDING = [[n * (2**61 - 1), 0] for n in range(1, 5_000)]

REPLIES = {
    "no length": b"ab",
    "4 GiB announced": b"\xff\xff\xff\xff" + bytes(1000),
    "a text that does not come": (2**20).to_bytes(4, "big") + b"{",
    "no JSON": frame("!" * 1000),
    "not a dict": frame("[1, 2]"),
    "not UTF-8": frame(b"\xff\xfe{}"),
    "a million brackets": frame("[" * 10**6 + "]" * 10**6),
    "brackets in a value": reply("[" + "[" * 500 + "]" * 500 + "]"),
    "lists in a value": reply("[" + '{"is": "list", "of": [' * 400 + "]}" * 400 + "]"),
    "another question's": reply([1.0], number=2),
    "a question that is text": reply([1.0], number='"1"'),
    "a question that is not a number": reply([1.0], number="NaN"),
    "two at once": reply([1.0]) + reply([1.0]),
    "more than was announced": reply([1.0], body=b"more"),
    "sizes below zero": reply(blobs=[-1]),
    "sizes that are no numbers": reply(blobs=["1", None, True]),
    "sizes of thousands of digits": reply(blobs=[NINES, NINES]),
    "an integer beyond reading": reply("[" + "9" * 10**5 + "]"),
    "an integer of 4,300 digits": reply([NINES]),
    "a million sizes": reply(blobs=[0] * 10**6),
    "bytes that don't come": reply([ARRAY], [16], b"x"),
    "one array for many": reply([ARRAY] * 500, [16], bytes(16)),
    "an array from the end": one(at=-1),
    "the array after the last": one(at=1),
    "an array that is nowhere": one(at=None),
    "objects by a short name": one(dtype="O"),
    "a dtype of no name": one(dtype=""),
    "a dtype in a dtype": one(dtype="2i4"),
    "a dtype in a dtype, once": one(dtype="1i8"),
    "records of numbers": one(dtype="<f8,<f8", shape=[1]),
    "bytes": one(dtype="|c1", shape=[16]),
    "letters of a gigabyte": none(dtype="<U99999999", shape=[0, 2]),
    "axes without end": none(shape=[0, 10**9]),
    "axes of thousands of digits": none(shape=[0, NINES]),
    "a shape of text": one(shape="22"),
    "a hundred axes": one(shape=[1] * 100 + [2]),
    "integers with a gradient": one(**{"is": "tensor"}, torch="int64", grad=True),
    "a tensor of text": one(**{"is": "tensor"}, dtype="<U2", torch="int64"),
    "a tensor that is a function": one(**{"is": "tensor"}, torch="load"),
    "keys that all collide": reply([{"is": "dict", "of": COLLIDING}]),
    "keys that can't be keys": reply([{"is": "dict", "of": [[{"is": "list"}, 1]]}]),
    "a kind that does not exist": reply([{"is": "pickle", "of": "gASVBQ=="}]),
    "a kind that is a list": reply([{"is": ["list"], "of": []}]),
    "a bare list": reply([[1.0]]),
}

DEEP = [[]]
for _ in range(900):
    DEEP = [DEEP]
# Replies that say that a function raised.
ERRORS = [
    {"error": ["SystemExit", "BaseException"], "text": "0"},
    {"error": ["KeyboardInterrupt"], "text": ""},
    {"error": ["GeneratorExit"], "text": ""},
    {"error": ["ExceptionGroup", "Exception"], "text": "x"},
    {"error": ["UnicodeDecodeError", "ValueError"], "text": "x"},
    {"error": ["WorkerLostError"], "text": "x", "status": "ok"},
    {"error": ["__import__", "eval", "__build_class__", "print"], "text": "1"},
    {"error": ["Exception"], "text": "x"},
    {"error": [], "text": "x"},
    {"error": "ValueError", "text": "x"},
    {"error": {"ValueError": 1}, "text": ["x"]},
    {"error": None, "text": None},
    {"error": [DEEP], "text": DEEP},
    {"error": [1, None, {}], "text": 1e999},
    {"error": ["x" * 10**6] * 3, "text": "y" * 10**6},
    {"error": ["\ud800"], "text": "\ud800"},
    {"error": ["ValueError"], "text": "\ud800\0\x1b[2J"},
    {"uncrossable": DEEP},
    {"uncrossable": "\ud800" * 10**6},
    {"long": DEEP},
    {},
]

# What a student's code needs to write to the pipe: it finds it among its open files.
FORGER = """
import fcntl, os, time
def forge(data):
    for number in range(3, 64):
        try:
            pipe = "pipe:" in os.readlink(f"/proc/self/fd/{number}")
            if pipe and fcntl.fcntl(number, fcntl.F_GETFL) & 3 == os.O_WRONLY:
                while data:
                    data = data[os.write(number, data):]
        except OSError:
            pass
"""


def forged(data):
    """Return the body of a function that answers by hand, and then no more."""
    return f"forge({data!r})\ntime.sleep(60)"


# ---- what a cell does to its worker; the rest of the notebook is right

# Cells that raise, and leave the others as they are.
CELLS = {
    "sys.exit": "import sys\nsys.exit(1)",
    "exit": "exit()",
    "raise SystemExit": "raise SystemExit(0)",
    "raise KeyboardInterrupt": "raise KeyboardInterrupt",
    "no Python": "def (:",
    "a zero byte": "x = 1\0",
    "half a letter": "raise ValueError('\ud800\x1b[2J<script>alert(1)</script>')",
    "half a letter, later": "raise ValueError('\\ud800 \\x1b[2J \\0 \\r')",
    "an exception that is no text": (
        "class Silent(Exception):\n    __str__ = lambda self: 1 / 0\nraise Silent"
    ),
    "an exception whose class lies": (
        "class Meta(type):\n    __name__ = property(lambda cls: 1 / 0)\n"
        "class Odd(Exception, metaclass=Meta): pass\nraise Odd"
    ),
    "a name of 5 MB": "raise type('x' * 5_000_000, (ValueError,), {})('y')",
    "a thread": "import _thread\n_thread.start_new_thread(int, ())",
    "more memory than there is": "x = bytearray(10**12)",
}

# Cells that change the worker: the last of their notebook.
SPOILS = {
    "other builtins": "__name__ = '__worker__'\n__builtins__ = {}",
    "50 MB of output": (
        "import os, sys\nfor _ in range(50):\n    print('x' * 2**20)\n"
        "    sys.stderr.write('x' * 2**20)\n    os.write(1, bytes(2**20))"
    ),
    "a full /tmp": (
        "for n in range(100):\n    open(f'/tmp/{n}', 'wb').write(bytes(2**20))"
    ),
    "as much memory as there is": (
        "x = []\ntry:\n    while True:\n        x.append(bytearray(2**24))\n"
        "except MemoryError:\n    pass\nx = x[:-9]"
    ),
    "no more open files": (
        "import os\ntry:\n    while True:\n        os.dup(0)\nexcept OSError:\n    pass"
    ),
    "an end that never ends": (
        "import atexit, signal, time\natexit.register(time.sleep, 600)\n"
        "for n in range(1, 32):\n    if n not in (9, 19):\n"
        "        signal.signal(n, lambda *rest: time.sleep(600))"
    ),
    "a tracer": "import sys\nsys.settrace(lambda *rest: None)",
    "a session of its own": "import os\ntry:\n    os.setsid()\nexcept OSError: pass",
}

# Cells that lose the worker: left out when it is started again.
LOSES = {
    "DIED": {
        "os._exit": "import os\nos._exit(0)",
        "an abort": "import os\nos.abort()",
        "a crash": "import ctypes\nctypes.string_at(0)",
        "closed pipes": "import os\nos.closerange(3, 64)",
    },
    "PROTOCOL": {"garbage": FORGER + "forge(b'\\0\\0\\0\\4junk')"},
    "FLOOD": {"too much": FORGER + "forge(b'\\xff' * 2**20)"},
    "TIMEOUT": {
        "loop": (
            "import signal\nfor n in range(1, 32):\n    try:\n"
            "        signal.signal(n, signal.SIG_IGN)\n    except OSError:\n"
            "        pass\nwhile True:\n    try:\n        while True:\n"
            "            pass\n    except BaseException:\n        pass"
        )
    },
}

# Cells that lose root's worker. An ordinary user's is the first process in there, which
# no process in there can end by a signal.
SIGNALS = {
    "a signal": "import os\nos.kill(os.getpid(), 9)",
    "a signal to all": (
        "import os\ntry:\n    os.kill(-1, 9)\nexcept ProcessLookupError:\n    pass\n"
        "finally:\n    os.kill(os.getpid(), 9)"
    ),
}

# Cells of which a notebook may hold many, and which none of them loses the worker.
SLOW = {
    "computes": (
        "end = time.process_time() + 0.4\nwhile time.process_time() < end: pass"
    ),
    "sleeps": "time.sleep(0.4)",
}

# Functions that lose the worker, in the order of the questions.
FATAL = {
    "log_softmax": "import os; os._exit(0)",
    "smooth": forged(b"\0\0\0\4junk"),
    "loss": forged(b"\xff" * 100_000),
    "gradient": """
        def items(self):
            while True: pass
        return type("Endless", (dict,), {"items": items})(a=1)
    """,
    "train": "while True:\n    try:\n        while True: pass\n    except: pass",
}

# Replaces all that the worker uses, each in a cell of its own: what is left of it
# answers wrongly or not at all.
PATCHES = {
    "NumPy": """
        yes = lambda *args, **options: True
        for module in (np, np.testing):
            for name in dir(module):
                if callable(getattr(module, name)):
                    try:
                        setattr(module, name, yes)
                    except Exception:
                        pass
    """,
    "the worker's modules": """
        import sys, types
        for name in ("wire", "worker", "numpy.testing", "json", "doctest", "otter"):
            sys.modules[name] = types.SimpleNamespace(pack=lambda *a: b"", encode=1)
    """,
    "assert": """
        import ast, builtins
        class Strip(ast.NodeTransformer):
            visit_Assert = lambda self, node: ast.Pass()
        real = builtins.compile
        builtins.compile = lambda source, *rest, **more: real(
            Strip().visit(ast.parse(source)) if isinstance(source, str) else source,
            *rest, **more)
    """,
    "builtins": """
        import builtins
        for name in ("isinstance", "len", "getattr", "type", "str", "AssertionError"):
            setattr(builtins, name, lambda *args, **options: True)
    """,
}

# ---- what must fail: a cell that gets through one of these says so


def call(name, *arguments):
    """Return code that makes a call into the C library and fails if that does."""
    words = ", ".join(map(str, arguments))
    return (
        "import ctypes, os\nlibc = ctypes.CDLL(None, use_errno=True)\n"
        "libc.syscall.restype = ctypes.c_long\n"
        f"if libc.{name}({words}) < 0:\n    raise OSError(ctypes.get_errno())"
    )


KEYS = {"x86_64": 248, "aarch64": 217}.get(os.uname().machine, 248)

INSIDE = {
    "fork": "import os\nif os.fork() == 0: os._exit(0)",
    "fork bomb": (
        "import os\nn = 0\nfor _ in range(100):\n    try:\n        n += os.fork() > 0\n"
        "    except OSError:\n        pass\nassert n"
    ),
    "spawn": "import os\nos.posix_spawn('/bin/true', ['true'], {})",
    "a program": "import subprocess\nsubprocess.run(['/usr/bin/id'], check=True)",
    "a detached process": (
        "import subprocess\n"
        "subprocess.Popen(['/bin/sleep', '99'], start_new_session=True)"
    ),
    "a thread": "import _thread\n_thread.start_new_thread(int, ())",
    "multiprocessing": (
        "import multiprocessing\n"
        "multiprocessing.get_context('fork').Process(target=int).start()"
    ),
    "root": "import os\nos.setuid(0)",
    "root's group": "import os\nos.setgroups([0])",
    "higher limits": (
        "import resource\nresource.setrlimit(resource.RLIMIT_NPROC, (9, 9))"
    ),
    "more memory": (
        "import resource\nresource.setrlimit(resource.RLIMIT_AS, (2**40, 2**40))"
    ),
    "priority": "import os\nos.setpriority(os.PRIO_PROCESS, 0, -5)",
    "a user namespace": call("unshare", "0x10000000"),
    "a user namespace with mounts": call("unshare", "0x10020000"),
    "a mount": call("mount", "b'none', b'/tmp', b'tmpfs', 0, None"),
    "another root": "import os\nos.chroot('/tmp')",
    "tracing": call("ptrace", 16, 1, 0, 0),
    "being traced": call("ptrace", 0, 0, 0, 0),
    "the memory of another process": (
        "import os\nothers = set(filter(str.isdigit, os.listdir('/proc')))\n"
        "opened = []\nfor n in others - {str(os.getpid())}:\n    try:\n"
        "        opened.append(open(f'/proc/{n}/mem', 'r+b', 0))\n"
        "    except OSError:\n        pass\nassert opened"
    ),
    "staying when the marker goes": call("prctl", 1, 0, 0, 0, 0),
    "a lock that other workers see": (
        "import fcntl\nfcntl.flock(open('/worker/wire.py'), fcntl.LOCK_EX)"
    ),
    "a watch over what other workers read": (
        "import ctypes\nlibc = ctypes.CDLL(None)\nqueue = libc.inotify_init1(0)\n"
        "assert libc.inotify_add_watch(queue, b'/worker/wire.py', 1) >= 0"
    ),
    "memory that outlives its use": call("shmget", 0, "ctypes.c_size_t(2**20)", 0o1600),
    "semaphores": call("semget", 0, 1000, 0o1600),
    "message queues": call("msgget", 0, 0o1600),
    "a key for the next student": call("syscall", KEYS, "b'user', b'a', b'b', 1, -4"),
    "files in memory": "import os\nos.memfd_create('x')",
    "the kernel's programs": call("syscall", 321 if KEYS == 248 else 280, 0, 0, 0),
    "the queue of the kernel": call("syscall", 425, 1, "bytes(200)"),
    "raw network": "import socket\nsocket.socket(socket.AF_PACKET, socket.SOCK_RAW)",
    "a name server": "import socket\nsocket.getaddrinfo('example.org', 80)",
    "the internet": "import socket\nsocket.create_connection(('192.0.2.1', 80), 1)",
    "write to /": "open('/owned', 'w')",
    "write to /dev/shm": "open('/dev/shm/owned', 'w')",
    "write to /worker": "open('/worker/wire.py', 'a')",
    "write to /site": "open('/site/numpy/owned.py', 'w')",
    "write to /usr": "open('/usr/owned', 'w')",
    "write to /proc": "open('/proc/sys/kernel/hostname', 'w').write('owned')",
    "a file of 20 MiB": "open('/tmp/x', 'wb', 0).write(bytes(20 * 2**20))\nassert "
    "__import__('os').path.getsize('/tmp/x') > 16 * 2**20",
    "the users": "open('/etc/passwd').read()",
    "the kernel's memory": "open('/proc/kcore', 'rb').read(1)",
    "the kernel's log": "open('/dev/kmsg').read(1)",
    "other processes": (
        "import os\nassert len([n for n in os.listdir('/proc') if n.isdigit()]) > 3"
    ),
    "the machine's devices": (
        "import os\nassert {'sda', 'vda', 'mem', 'kvm'} & set(os.listdir('/dev'))"
    ),
    "the machine's name": "import os\nassert os.uname().nodename != 'sandbox'",
    "the marker": "import grader",
    "the marker's tests": "import otter.test_files, grader.release.seeds",
    "solutions of the book": "import celib.losses",
    "more of the book": "from celib.softmax import log_softmax",
    "SciPy": "from scipy.special import log_softmax",
}

# Where something could be left for the next worker: `keep` tries all, `found` looks.
NOTES = f"""
import ctypes, glob, os
libc = ctypes.CDLL(None)
libc.syscall.restype = ctypes.c_long
FOLDERS = "/tmp /dev/shm /dev /worker /site /var/tmp /run /proc/self".split()
def keep(text):
    data = text.encode()[:1500]
    libc.syscall({KEYS}, b"user", b"hidden", data, len(data), -4)
    for folder in FOLDERS:
        try:
            open(folder + "/kept", "wb").write(data)
        except OSError:
            pass
    os.environ["KEPT"] = text[:500]
def found():
    room = ctypes.create_string_buffer(2000)
    key = libc.syscall({KEYS + 2}, 10, -4, b"user", b"hidden", 0)
    size = libc.syscall({KEYS + 2}, 11, key, room, 2000) if key >= 0 else 0
    kept = [room.raw[:size]] if size > 0 else []
    kept += [folder for folder in FOLDERS if os.path.exists(folder + "/kept")]
    return kept + [name for name in os.environ if name == "KEPT"]
if found():
    raise ValueError(f"KEPT {{found()}}")
"""

# Looks through all that the worker can read for the texts that it is given.
SEARCH = """
import gc, os, sys
def places():
    yield from (f"/proc/{n}/{f}" for n in os.listdir("/proc") if n.isdigit()
                for f in ("cmdline", "environ", "mountinfo", "maps"))
    for top in ("/tmp", "/worker", "/etc", "/var", "/run", "/home", "/root", "/work"):
        for folder, below, files in os.walk(top):
            if folder == sys.base_prefix:
                below.clear()
            yield from (os.path.join(folder, file) for file in files)
def memory():
    try:
        with open("/proc/self/mem", "rb", 0) as mem, open("/proc/self/maps") as maps:
            for line in maps.read().splitlines():
                first, last = (int(x, 16) for x in line.split()[0].split("-"))
                if " rw" in line and last - first < 2**26:
                    mem.seek(first)
                    yield mem.read(last - first)
    except OSError:
        for x in gc.get_referents(*gc.get_objects()):
            if isinstance(x, (str, bytes)):
                yield x.encode(errors="replace") if isinstance(x, str) else x
def contents():
    yield "memory", b" ".join(memory())
    for place in places():
        try:
            yield place, open(place, "rb").read(2**22)
        except OSError:
            pass
def search(pairs):
    # Put together, the two halves would be found where they are looked for.
    found = ["nowhere"] * len(pairs)
    for place, text in contents():
        for n, (a, b) in enumerate(pairs):
            at = text.find(a)
            while at >= 0 and not text.startswith(b, at + len(a)):
                at = text.find(a, at + 1)
            if at >= 0:
                found[n] = place
    return found
"""

# Cell magics and shell lines, as students have them, around or beside a definition.
MAGICS = (
    "%%time\n{0}",
    "!cat /etc/passwd\n%matplotlib inline\n{1}\nfiles = !ls -l $HOME\nnp.array?",
    "%load_ext autoreload\n%autoreload 2\n{2}\n%timeit -n1 2 + 2\n?np.zeros",
    '%%capture out\n{3}\ntext = """\n%run other.py\n!ls\nWhy?\n"""\nx = (7\n     % 4)',
    "get_ipython().system('ls')\n%run no-such-file.py\n%cd ..\n{4}\n%time y = 2",
)

# Functions that tell all that they are given, in every way that they have.
SAYS = """
text = ' '.join(str(v) for a in args for v in np.ravel(a).tolist())
print(text)
import sys, warnings
sys.stderr.write(text)
warnings.warn(text)
seen.append(text)
{}
"""
WAYS = {
    "log_softmax": "raise ValueError('GIVEN ' + text)",
    "smooth": "raise type('GIVEN' + text, (Exception,), {})(text)",
    "loss": "return 'GIVEN ' + text",
    "gradient": "return object.__getattribute__(np, 'GIVEN ' + text)",
    "train": "return np.array([text]), ['GIVEN ' + text]",
}
