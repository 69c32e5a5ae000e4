"""Notebooks as honest students hand them in: the same right answers in many forms.

Each form is a small notebook of a made-up assignment. What stands around the answers is
written in the style of public notebooks: set-up cells that mount, install, draw, ask
where they run, and cells that only Jupyter understands.

Cells of these kinds stand, with other content, in (repository: path)

- probml/pyprobml: notebooks/book1/02/softmax_plot.ipynb (an import that may fail, with
  an install in its place; drawing)
- gretelai/navigator-helpers: navigator_helpers/tasks/text_to_code/__init__.py, and
  ValerioL29/InfEdit: infedit/utils.py (is this Colab?)
- exoplanet-dev/exoplanet: docs/_static/notebooks/notebook_setup.py, and
  spacetelescope/tessworkshop_tutorials: starry/workshop_utils/notebook_setup.py
  (get_ipython(), rcParams)
- zerotodeeplearning/ztdl-5-day-bootcamp: utils/matplotlibconf.py (rcParams)
- shraddhagatty/DataScience: HW1/workshop-checkpoint.py (a backend, warnings)
- kevinparamo/codeflex-python: README.md (await piplite.install)
"""

import json
from dataclasses import dataclass

from grader.limits import Limits
from grader.release.assignment import Assignment, Question

# ---- the assignment

SOFTMAX = '''\
def softmax(z):
    """Return the softmax of one row."""
    e = np.exp(z - np.max(z))
    return e / e.sum()
'''
LOSS = '''\
def loss(q, labels):
    """Return the mean loss of rows of probabilities."""
    picked = q[np.arange(len(labels)), labels]
    return float(-np.log(picked).mean())
'''
BEST = """\
losses = [loss(np.array([[p, 1 - p]]), np.array([0])) for p in (0.2, 0.5, 0.8)]
best = min(losses)
"""
OTTER = 'import otter\ngrader = otter.Notebook("hw0.ipynb")'
IMPORT = "import numpy as np"
CHECKS = {q: f'grader.check("{q}")' for q in ("q1", "q2", "q3")}


def _test(name, *cases):
    """Return a test file in Otter's form: (code, hidden) gives a point each."""
    made = [{"code": c, "hidden": bool(h), "points": 1} for c, h in cases]
    return f"test = {{'name': {name!r}, 'suites': [{{'cases': {made!r}}}]}}"


DRAWN = ">>> from grader.release.seeds import course_rng\n>>> rng = course_rng({!r})\n"
TESTS = {
    "q1": _test(
        "q1",
        (">>> np.testing.assert_allclose(softmax(np.zeros(4)), np.full(4, 0.25))\n", 0),
        (
            ">>> got = softmax(np.array([999.0, 999]))\n"
            ">>> np.testing.assert_allclose(got, [0.5, 0.5])\n",
            0,
        ),
        (
            DRAWN.format("softmax") + ">>> z = rng.normal(size=7)\n"
            ">>> want = np.exp(z) / np.exp(z).sum()\n"
            ">>> np.testing.assert_allclose(softmax(z), want, strict=True)\n",
            1,
        ),
    ),
    "q2": _test(
        "q2",
        (
            ">>> got = loss(np.array([[0.5, 0.5]]), np.array([1]))\n"
            ">>> np.testing.assert_allclose(got, 0.6931471805599453)\n",
            0,
        ),
        (
            DRAWN.format("loss") + ">>> q = rng.dirichlet(np.ones(3), 5)\n"
            ">>> y = rng.integers(0, 3, 5)\n"
            ">>> want = -np.log([row[k] for row, k in zip(q, y)]).mean()\n"
            ">>> np.testing.assert_allclose(loss(q, y), want)\n",
            1,
        ),
    ),
    "q3": _test(
        "q3",
        (">>> assert 0 < best < 1\n", 0),
        (">>> np.testing.assert_allclose(best, 0.2231435513142097)\n", 1),
    ),
}
FULL = {"q1": 3, "q2": 2, "q3": 2}
TASK = Assignment(
    name="hw0",
    title="Made up",
    due="2030-01-01 23:59",
    packages=("numpy", "celib.datasets"),
    questions={
        "q1": Question(3, 1, ("softmax",)),
        "q2": Question(2, 1, ("loss",)),
        "q3": Question(2, 1, ("best",)),
    },
    written={},
    limits=Limits(cell_s=20, call_s=10, total_s=120, memory_mib=2048),
    tests=TESTS,
    released=(),
)

# ---- what students put above their imports, in the same cell

SET_UP = {
    "style of plots": """
        import matplotlib.pyplot as plt
        plt.rcParams['figure.dpi'] = 120""",
    "several settings": """
        import matplotlib as mpl, matplotlib.pyplot as plt
        mpl.rcParams['figure.figsize'] = (8, 5)
        w, h = mpl.rcParams['figure.figsize']
        plt.rcParams.update({'font.size': 12, 'axes.grid': True})
        plt.style.use('ggplot')""",
    "a cycle of colours": """
        import matplotlib.pyplot as plt
        colours = plt.rcParams['axes.prop_cycle'].by_key()['color']
        first = colours[0]""",
    "font manager": """
        from matplotlib import font_manager, rc
        names = {f.name for f in font_manager.fontManager.ttflist}
        rc('font', family='DejaVu Sans')""",
    "inline": "%matplotlib inline",
    "notebook and retina": """
        %matplotlib inline
        %config InlineBackend.figure_format = 'retina'""",
    "inline formats": """
        import matplotlib_inline.backend_inline
        matplotlib_inline.backend_inline.set_matplotlib_formats('svg')""",
    "line magic by call": """
        from IPython import get_ipython
        get_ipython().run_line_magic('matplotlib', 'inline')""",
    "line magic by name": """
        import IPython
        shell = IPython.get_ipython()
        shell.run_line_magic(magic_name='matplotlib', line='inline')""",
    "autoreload": "%load_ext autoreload\n%autoreload 2",
    "which shell": """
        def in_jupyter():
            return get_ipython().__class__.__name__ == 'ZMQInteractiveShell'
        if not in_jupyter():
            raise SystemExit('open me in Jupyter')""",
    "a wide page": """
        from IPython.display import display, HTML
        display(HTML('<style>.container { width: 95% }</style>'))""",
    "core display": """
        from IPython.core.display import HTML
        HTML('<b>hello</b>')""",
    "show every line": """
        from IPython.core.interactiveshell import InteractiveShell
        InteractiveShell.ast_node_interactivity = 'all'""",
    "markdown output": """
        from IPython.display import Markdown, clear_output
        clear_output(wait=True)
        display(Markdown('**ready**'))""",
    "mounted drive": """
        from google.colab import drive
        drive.mount('/content/drive')""",
    "mounted with force": """
        from google.colab import drive
        drive.mount('/content/drive', force_remount=True)
        import sys
        sys.path.append('/content/drive/MyDrive/course')""",
    "colab or not": """
        try:
            import google.colab
            IN_COLAB = True
        except ImportError:
            IN_COLAB = False
        ROOT = '/content' if IN_COLAB else '.'""",
    "colab by except alone": """
        try:
            from google.colab import drive
            drive.mount('/gdrive')
            base = '/gdrive/My Drive'
        except:
            base = '.'""",
    "colab among modules": """
        import sys
        ON_COLAB = 'google.colab' in sys.modules
        if ON_COLAB:
            !pip install -q course-tools""",
    "colab in the shell's name": """
        if 'google.colab' in str(get_ipython()):
            from google.colab import drive
            drive.mount('/content/drive')""",
    "colab found by spec": """
        import importlib.util
        try:
            here = importlib.util.find_spec('google.colab') is not None
        except ModuleNotFoundError:
            here = False
        folder = '/content' if here else '.'""",
    "an upload": """
        from google.colab import files
        uploaded = files.upload()
        for name in uploaded.keys():
            print(name, len(uploaded[name]))""",
    "a secret of colab": """
        from google.colab import userdata
        token = userdata.get('COURSE_TOKEN')""",
    "kaggle or not": """
        import os
        ON_KAGGLE = os.path.exists('/kaggle/input')
        for folder, _, names in os.walk('/kaggle/input'):
            for name in names:
                print(os.path.join(folder, name))""",
    "pip": "!pip install -q tqdm seaborn",
    "pip by magic": "%pip install --quiet tqdm",
    "pip by subprocess": """
        import subprocess, sys
        try:
            subprocess.check_call([sys.executable, '-c', 'pass'])
        except OSError:
            pass""",
    "pip where something is missing": """
        import importlib.util
        for package in ('numpy', 'matplotlib'):
            if importlib.util.find_spec(package) is None:
                !pip install {package}""",
    "a browser's pip": "import piplite\nawait piplite.install('tqdm')",
    "a browser's other pip": """
        try:
            import micropip
            await micropip.install('tqdm')
        except ImportError:
            pass""",
    "torch above": "import torch",
    "torch seeded": "import torch\ntorch.manual_seed(7)",
    "torch on a device": """
        import torch
        device = torch.device('cuda' if torch.cuda.is_available() else 'cpu')
        print('Using', device, torch.__version__)""",
    "torch and its parts": """
        import torch
        import torch.nn as nn, torch.nn.functional as F
        from torch.utils.data import DataLoader, TensorDataset
        torch.set_default_dtype(torch.float64)
        torch.set_printoptions(precision=3)""",
    "torch or not": """
        try:
            import torch
            HAS_TORCH = True
        except ImportError:
            HAS_TORCH = False""",
    "torch by spec": """
        from importlib.util import find_spec
        if find_spec('torch') is not None:
            import torch
            torch.set_num_threads(1)""",
    "torch, old enough": """
        import torch
        from packaging import version
        assert version.parse(torch.__version__) >= version.parse('1.0')""",
    "a network": """
        import torch
        from torch import nn
        class Net(nn.Module):
            def __init__(self, hidden: int = 8):
                super().__init__()
                self.layers = nn.Sequential(nn.Linear(4, hidden), nn.ReLU())
            def forward(self, x: torch.Tensor) -> torch.Tensor:
                return self.layers(x)
        net = Net()
        n_parameters = sum(p.numel() for p in net.parameters())""",
    "all seeds at once": """
        import random, os
        import numpy as np
        import torch
        def set_seed(seed=42):
            random.seed(seed)
            np.random.seed(seed)
            os.environ['PYTHONHASHSEED'] = str(seed)
            torch.manual_seed(seed)
            if torch.cuda.is_available():
                torch.cuda.manual_seed_all(seed)
            torch.backends.cudnn.deterministic = True
        set_seed()""",
    "pandas": """
        import pandas as pd
        pd.set_option('display.max_columns', None)
        pd.options.display.float_format = '{:.3f}'.format""",
    "a table": """
        import pandas as pd
        table = pd.DataFrame({'a': [1, 2, 3], 'b': [4, 5, 6]})
        table['c'] = table['a'] + 2 * table['b']
        print(table[table.c > 10].describe())""",
    "scikit-learn": """
        from sklearn.metrics import log_loss, accuracy_score
        from sklearn.preprocessing import StandardScaler
        scaler = StandardScaler()""",
    "a warning of scikit-learn": """
        import warnings
        from sklearn.exceptions import ConvergenceWarning
        warnings.filterwarnings('ignore', category=ConvergenceWarning)""",
    "scipy": "import scipy\nfrom scipy import stats, special\nprint(scipy.__version__)",
    "seaborn": """
        import seaborn as sns
        sns.set_theme(style='whitegrid', palette='deep')
        sns.set_context('notebook')""",
    "seaborn or not": """
        try:
            import seaborn as sns
            sns.set()
        except ModuleNotFoundError:
            print('no seaborn')""",
    "plotly": """
        import plotly.graph_objects as go
        import plotly.io as pio
        pio.templates.default = 'plotly_white'
        figure = go.Figure(data=[go.Scatter(x=[1, 2], y=[3, 4])])
        figure.update_layout(title='made up')""",
    "tqdm": """
        from tqdm import tqdm
        total = 0
        for k in tqdm(range(5), desc='warming up'):
            total += k
        assert total == 10""",
    "tqdm by auto": """
        from tqdm.auto import tqdm, trange
        seen = [k for k in trange(3)]
        bar = tqdm(seen)
        for k in bar:
            bar.set_postfix(k=k)
        assert seen == [0, 1, 2] and len(bar) == 3""",
    "tqdm in a notebook": """
        from tqdm.notebook import tqdm
        with tqdm(total=3) as bar:
            for k in range(3):
                bar.update(1)""",
    "tqdm around pairs": """
        from tqdm import tqdm
        pairs = [(i, a + b) for i, (a, b) in enumerate(tqdm(list(zip([1, 2], [3, 4]))))]
        assert pairs == [(0, 4), (1, 6)]""",
    "tqdm or a plain loop": """
        try:
            from tqdm import tqdm
        except ImportError:
            def tqdm(things, **options):
                return things
        assert list(tqdm([1, 2])) == [1, 2]""",
    "widgets": """
        import ipywidgets as widgets
        from ipywidgets import interact
        slider = widgets.IntSlider(value=3, min=0, max=10)
        @interact(k=(0, 10))
        def show(k=3):
            return k
        assert show(4) == 4""",
    "asyncio made to nest": "import nest_asyncio\nnest_asyncio.apply()",
    "a plot unpacked": """
        import matplotlib.pyplot as plt
        line, = plt.plot([1, 2, 3])
        line.set_label('made up')""",
    "a histogram unpacked": """
        import matplotlib.pyplot as plt
        n, bins, patches = plt.hist([1, 2, 2, 3], bins=3)
        middle = 0.5 * (bins[:-1] + bins[1:])
        patches[0].set_facecolor('red')
        print(f'{n.max():.1f}', middle)""",
    "a grid of axes": """
        import matplotlib.pyplot as plt
        fig, axes = plt.subplots(2, 3, figsize=(9, 6), sharex=True)
        for k, ax in enumerate(axes.flat):
            ax.plot([0, k])
            ax.set(title=f'panel {k}', xlabel='x')
        assert axes.shape == (2, 3)
        fig.tight_layout()
        low, high = axes[0, 0].get_ylim()
        axes[0, 0].set_ylim(low - 1, high + (high - low) * 0.1)""",
    "axes by name": """
        import matplotlib.pyplot as plt
        fig, (left, right) = plt.subplots(1, 2)
        left.hist([1, 2]); right.bar(['a', 'b'], [1, 2])
        with plt.style.context('dark_background'):
            right.axhline(0.5)""",
    "a colour map": """
        import matplotlib.pyplot as plt
        import numpy as np
        colours = plt.cm.viridis(np.linspace(0, 1, 4))
        for c, k in zip(colours, range(4)):
            plt.plot([0, k], color=c)""",
    "ticks": """
        import matplotlib.pyplot as plt
        from matplotlib.ticker import FuncFormatter, MaxNLocator
        ax = plt.gca()
        ax.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f'{y:.0%}'))
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        ticks = [t * 2 for t in ax.get_xticks()]""",
    "all of pyplot": """
        from matplotlib.pyplot import *
        figure(); plot([1, 2]); title('made up'); show()""",
    "an axes as a type": """
        import matplotlib.pyplot as plt
        from matplotlib.axes import Axes
        def draw(ax: Axes | None = None) -> Axes:
            ax = ax if isinstance(ax, Axes) else plt.gca()
            return ax
        draw()""",
    "a tensor as a type": """
        import torch
        import numpy as np
        Array = np.ndarray | torch.Tensor
        def to_numpy(x: Array) -> np.ndarray:
            if isinstance(x, torch.Tensor):
                return x.detach().numpy()
            return np.asarray(x)
        assert isinstance(np.zeros(2), Array)
        to_numpy(np.zeros(2))""",
    "an error as a type": """
        import torch
        try:
            x = 1
        except torch.cuda.OutOfMemoryError:
            x = 2
        assert x == 1""",
    "celib to compare with": """
        from celib.softmax import log_softmax as book_log_softmax
        import celib.information""",
    "a compiled helper": """
        from numba import njit
        @njit
        def twice(x):
            return 2 * x
        @njit(cache=True)
        def thrice(x):
            return 3 * x
        assert twice(2) == 4 and thrice(2) == 6""",
    "tensorflow kept quiet": """
        import os
        os.environ['TF_CPP_MIN_LOG_LEVEL'] = '3'
        import tensorflow as tf
        tf.get_logger().setLevel('ERROR')
        tf.random.set_seed(1)
        print(len(tf.config.list_physical_devices('GPU')), tf.__version__)""",
    "symbols": """
        import sympy as sp
        sp.init_printing()
        x, y = sp.symbols('x y')
        derivative = sp.diff(x**2 * y, x)
        assert derivative == 2 * x * y""",
    "a model trained": """
        import torch
        model = torch.nn.Linear(2, 1)
        steps = torch.optim.SGD(model.parameters(), lr=0.1)
        X, y = torch.randn(8, 2), torch.randn(8, 1)
        history = []
        for epoch in range(3):
            steps.zero_grad()
            off = ((model(X) - y) ** 2).mean()
            off.backward()
            steps.step()
            history.append(off.item())
        assert history[-1] > 0
        print(f'{history[-1]:.3f}')""",
    "a cached function": """
        from joblib import Memory
        memory = Memory('cache', verbose=0)
        @memory.cache
        def twice(x):
            return 2 * x
        assert twice(2) == 4""",
    "a figure of one's own": """
        from matplotlib.figure import Figure
        class Mine(Figure):
            pass
        figure = Mine(figsize=(2, 2))
        ax = figure.subplots()
        ax.plot([1, 2])""",
    "an import that ends the notebook": """
        try:
            import torch
        except ImportError as error:
            raise SystemExit('please install torch') from error
        torch.manual_seed(0)""",
    "an import that may fail, then used": """
        try:
            import torch
        except ImportError:
            print('no torch')
        torch.manual_seed(0)
        if find := getattr(torch, 'zeros'):
            print(find(2))""",
    "a list of what is missing": """
        from importlib.util import find_spec
        missing = [m for m in ('numpy', 'torch', 'scipy') if find_spec(m) is None]
        if missing:
            raise ImportError('please install ' + ', '.join(missing))""",
    "threads": """
        from concurrent.futures import ThreadPoolExecutor
        import threading
        with ThreadPoolExecutor(4) as pool:
            assert list(pool.map(abs, [-1, 2])) == [1, 2]
            assert pool.submit(max, 3, 4).result() == 4
        seen = []
        thread = threading.Thread(target=seen.append, args=(5,))
        thread.start()
        thread.join()
        assert seen == [5] and not thread.is_alive()
        beside = threading.Thread(target=seen.append, args=(6,), daemon=True)
        beside.start()
        beside.join()
        failing = threading.Thread(target=int, args=('x',))
        failing.start()
        assert seen == [5, 6]""",
    "processes": """
        from multiprocessing import Pool
        with Pool(2) as pool:
            assert pool.map(abs, [-1, 2]) == [1, 2]
            assert pool.starmap(max, [(1, 2), (4, 3)]) == [2, 4]""",
    "a task": """
        import asyncio
        async def fetch(k):
            await asyncio.sleep(0)
            return k
        task = asyncio.create_task(fetch(3))
        assert await task == 3
        assert await asyncio.gather(fetch(1), fetch(2)) == [1, 2]""",
    "a question for the shell": """
        def in_a_notebook() -> bool:
            try:
                from IPython import get_ipython
                shell = get_ipython()
                return shell is not None and 'ZMQ' in type(shell).__name__
            except (ImportError, AttributeError):
                return False
        assert in_a_notebook() and __IPYTHON__ and 'get_ipython' in globals()""",
    "legends of two axes": """
        import matplotlib.pyplot as plt
        fig, ((a, b), (c, d)) = plt.subplots(2, 2)
        other = a.twinx()
        lines = a.plot([1], label='one') + other.plot([2], label='two')
        a.legend(lines, [line.get_label() for line in lines])
        handles, labels = b.get_legend_handles_labels()
        b.legend(handles + lines[:1], labels + ['three'])
        for ax in (a, b, c, d):
            for side in ('top', 'right'):
                ax.spines[side].set_visible(False)""",
    "labels above bars": """
        import matplotlib.pyplot as plt
        bars = plt.bar(['a', 'b'], [1, 2])
        for bar, value in zip(bars, [1, 2]):
            middle = bar.get_x() + bar.get_width() / 2
            plt.text(middle, value, f'{bar.get_height():.1f}')
        low, high = plt.xlim()
        plt.axvline((low + high) / 2)
        plt.xlim(min(low, 0), max(0, high))""",
    "named colours": """
        from matplotlib import colors
        known = dict(colors.BASE_COLORS, **colors.CSS4_COLORS)
        r, g, b = colors.to_rgb('red')
        print(sorted(known)[:3], r * 255)""",
    "a context or none": """
        import contextlib, torch
        have_gpu = torch.cuda.is_available()
        context = torch.autocast('cuda') if have_gpu else contextlib.nullcontext()
        with context:
            pass""",
    "data to play with": """
        from sklearn import datasets
        flowers = datasets.load_iris()
        X, y = flowers.data, flowers.target
        print(X[:, :2].mean(axis=0), y[:3])
        for name, column in zip(flowers.feature_names, X.T):
            print(f'{name}: {column.min():.1f}')""",
    "a log": """
        import logging
        logging.basicConfig(level=logging.INFO, format='%(message)s')
        logging.getLogger('matplotlib').setLevel(logging.WARNING)""",
    "versions": """
        import sys, platform
        from importlib.metadata import version, PackageNotFoundError
        print(sys.version.split()[0], platform.system())
        print('numpy', version('numpy'))""",
    "no warnings": """
        import warnings
        warnings.filterwarnings('ignore')
        import numpy as np
        np.set_printoptions(precision=4, suppress=True)
        np.seterr(divide='ignore')""",
    "the environment": """
        %env COURSE=hw0
        import os
        assert os.environ['COURSE'] == 'hw0'
        print(os.environ.get('USER'), os.getcwd())""",
    "help": "help(len)",
    "a folder for results": """
        from pathlib import Path
        OUT = Path('results'); OUT.mkdir(exist_ok=True)
        (OUT / 'note.txt').write_text('made up')""",
    "time of the cell": "import time\nstart = time.perf_counter()",
    "a file that only the student has": """
        try:
            config = open('my-settings.toml').read()
        except FileNotFoundError:
            config = ''""",
}

# ---- other forms: a change to the plain notebook's cells


def put(place, *texts):
    """Return a change that puts code cells before a place."""
    return lambda cells: [*cells[:place], *texts, *cells[place:]]


def swap(old, new):
    """Return a change of the first cell that holds a text, as a whole."""

    def change(cells):
        at = next(n for n, cell in enumerate(cells) if old in cell)
        return [*cells[:at], new, *cells[at + 1 :]]

    return change


def indented(text, by="    "):
    """Return a text moved to the right."""
    return "".join(by + line for line in text.splitlines(keepends=True))


def prompted(text, first=">>> ", more="... "):
    """Return a function as it was pasted from a session."""
    lines = text.splitlines()
    return "\n".join([first + lines[0], *(more + line for line in lines[1:]), more])


END = 9
FORMS = {
    "the plain one": lambda cells: cells,
    "indented": swap("def softmax", indented(SOFTMAX)),
    "indented by a tab": swap("def softmax", indented(SOFTMAX, "\t")),
    "pasted prompts": swap("def loss", prompted(LOSS)),
    "pasted prompts of IPython": swap(
        "def loss", prompted(LOSS, "In [4]: ", "   ...: ")
    ),
    "a future import of an earlier cell": lambda cells: put(5, "")(
        swap(
            "def loss",
            LOSS.replace("(q, labels)", "(q: Arr, labels: Arr | None = None) -> Num"),
        )(["from __future__ import annotations", *cells])
    ),
    "a future import beside others": swap(
        "import numpy", f"from __future__ import annotations\n{IMPORT}"
    ),
    "top-level await": put(2, "import asyncio\nawait asyncio.sleep(0)\nready = True"),
    "await in a loop": put(
        2,
        "async def fetch(k):\n    return k\n\nfound = []\nfor k in range(3):\n"
        "    found.append(await fetch(k))\nassert found == [0, 1, 2]",
    ),
    "await under a magic": put(
        2, "import asyncio", "%%capture out\nx = [k for k in range(3)]\nprint(x)"
    ),
    "async with and for": put(
        2,
        "import contextlib\n\n@contextlib.asynccontextmanager\nasync def room():\n"
        "    yield 1\n\nasync def count():\n    yield 2\n\n"
        "async with room() as r:\n    pass\nasync for c in count():\n    pass\n"
        "assert (r, c) == (1, 2)",
    ),
    "names that Jupyter uses": put(
        2,
        "In = 3\nOut = [In]\n_, rest = 1, 2",
        "Out + [4]",
        "assert _ == 1 and Out == [3]",
    ),
    "a magic without its sign": put(2, "pip list", "matplotlib inline"),
    "a check that is asked for its result": swap(
        CHECKS["q1"], f"result = {CHECKS['q1']}\nprint(result)"
    ),
    "the last value": put(2, "6 * 7", "assert _ == 42"),
    "an earlier output": put(2, "'made up'", "assert Out[3] == 'made up' and In[3]"),
    "time above a function": swap("def softmax", f"%%time\n{SOFTMAX}"),
    "capture above a function": swap(
        "def softmax", f"%%capture out\nprint('made up')\n{SOFTMAX}"
    ),
    "time before a statement": swap("best =", BEST.replace("best =", "%time best =")),
    "the value of a timed line": swap(
        "best =", BEST.replace("best = min", "best = %time min")
    ),
    "time it": put(5, "%timeit -n 2 -r 1 softmax(np.zeros(2))"),
    "shell lines among code": swap(
        "def softmax", f"!ls -l\n%pwd\n{SOFTMAX}\nfiles = !ls\nprint(files[:1])"
    ),
    "questions to Jupyter": put(5, "np.exp?", "softmax??", "?len"),
    "cells of other languages": put(
        2, "%%bash\necho made up", "%%html\n<b>made up</b>", "%%javascript\n1 + 1"
    ),
    "a module written beside": lambda cells: swap(
        "def softmax", "from my_softmax import softmax"
    )(["%%writefile my_softmax.py\n" + f"{IMPORT}\n\n{SOFTMAX}", *cells]),
    "a program run": lambda cells: swap("def softmax", "%run my_program.py")(
        ["%%writefile my_program.py\n" + f"{IMPORT}\n\n{SOFTMAX}", *cells]
    ),
    "pylab": swap("import numpy", "%pylab inline"),
    "a loop over the name after its check": put(
        END, "for loss in losses[:3]:\n    print(loss)"
    ),
    "the name of a number after its check": put(
        END, "softmax = softmax(np.zeros(3))\nprint(softmax)"
    ),
    "a list under the name": put(6, "loss = [1.0, 0.5]", LOSS),
    "a helper overwritten after its check": lambda cells: put(END, "shift = 3")(
        swap(
            "def softmax",
            "def shift(z):\n    return z - np.max(z)\n\n"
            + SOFTMAX.replace("z - np.max(z)", "shift(z)"),
        )(cells)
    ),
    "an import overwritten at the end": put(END, "np = 'numpy'\nplt = None"),
    "the value used again": put(END, "best = best * 100\nprint(f'{best:.1f} %')"),
    "names deleted at the end": put(END, "del softmax, loss, best, losses"),
    "all reset at the end": put(END, "%reset -f"),
    "a draft before": put(
        2, "def softmax(z):\n    return z", "def loss(q, labels): ..."
    ),
    "a draft that raises": put(
        2, "def loss(q, labels):\n    raise NotImplementedError"
    ),
    "scratch cells that raise": put(
        5, "softmax('abc')", "1 / 0", "undefined_name", "x = [", "exit()"
    ),
    "checks run twice": put(5, CHECKS["q1"], CHECKS["q1"], "grader.check_all()"),
    "all checks at the end": lambda cells: [
        *(cell for cell in cells if "grader.check" not in cell),
        *CHECKS.values(),
    ],
    "checks in one cell": lambda cells: [
        *(cell for cell in cells if "grader.check" not in cell),
        "\n".join(CHECKS.values()),
    ],
    "the check in the function's cell": lambda cells: swap(
        "def loss", f"{LOSS}\n{CHECKS['q2']}"
    )([cell for cell in cells if cell != CHECKS["q2"]]),
    "everything in one cell": lambda cells: ["\n\n".join(cells)],
    "imports anew in each cell": swap("def loss", f"{IMPORT}\n\n{LOSS}"),
    "names of another import": swap(
        "import numpy", "import numpy\nimport numpy as np\nfrom numpy import *"
    ),
    "a lambda": swap(
        "def softmax",
        "softmax = lambda z: np.exp(z - np.max(z)) / np.exp(z - np.max(z)).sum()",
    ),
    "a class that is called": swap(
        "def loss",
        indented(LOSS)
        .replace("def loss(q", "def __call__(self, q")
        .replace("    def", "class Loss:\n    def", 1)
        + "\nloss = Loss()",
    ),
    "a decorated function": swap(
        "def loss",
        f"import functools\n\n@functools.lru_cache\ndef two(): return 2\n\n{LOSS}",
    ),
    "hints of types": swap(
        "def softmax",
        SOFTMAX.replace("(z)", "(z: 'np.ndarray') -> 'np.ndarray'", 1),
    ),
    "a data class": put(
        2,
        "from dataclasses import dataclass, field\n\n@dataclass\nclass Run:\n"
        "    rate: float = 0.1\n    seen: list = field(default_factory=list)\n\n"
        "Run().seen",
    ),
    "source of a function": put(
        5, "import inspect\nassert 'def softmax' in inspect.getsource(softmax)"
    ),
    "a main guard": put(
        END, "if __name__ == '__main__':\n    print(softmax(np.ones(2)))"
    ),
    "options of a command line": put(
        2,
        "import argparse\nparser = argparse.ArgumentParser()\n"
        "parser.add_argument('--rate', type=float, default=0.1)\n"
        "options, _ = parser.parse_known_args()",
    ),
    "a question to the student": put(
        2, "try:\n    name = input('Name: ')\nexcept Exception:\n    name = ''"
    ),
    "Windows line ends": lambda cells: [c.replace("\n", "\r\n") for c in cells],
    "trailing blanks": lambda cells: [f"\n\n{cell}   \n\n" for cell in cells],
    "comments only": put(2, "# a cell\n# of comments", "'''a text'''", "pass"),
    "letters of other scripts": put(2, "größe = 3\nλ = 0.5\nprint('✓', größe * λ)"),
    "torch beside a function": swap(
        "def softmax",
        "import torch\nx = torch.tensor([1.0, 2.0])\ny = torch.softmax(x, dim=0)\n"
        f"print(y.numpy().sum())\n\n{SOFTMAX}\nz = np.array([1.0, 2.0])\n"
        "assert np.allclose(softmax(z), y.numpy())\n\nafter = 1",
    ),
    "torch for a comparison, then a function": swap(
        "def loss",
        "import torch.nn.functional as F, torch\n"
        "theirs = F.cross_entropy(torch.zeros(1, 2), torch.tensor([0])).item()\n"
        f"print(round(theirs, 3))\n\n{LOSS}",
    ),
    "scipy beside a function": swap(
        "def softmax",
        "from scipy.special import softmax as theirs\n"
        f"print(theirs([1.0, 2.0]).round(3))\n\n{SOFTMAX}",
    ),
    "a plot beside a value": swap(
        "best =",
        "import matplotlib.pyplot as plt\n"
        + BEST
        + "fig, ax = plt.subplots()\nax.plot(losses)\n"
        "top = ax.get_ylim()[1] * 1.1\nax.set_ylim(0, top)\nplt.show()",
    ),
    "progress within a value": swap(
        "best =",
        "from tqdm import tqdm\nlosses = []\nfor p in tqdm((0.2, 0.5, 0.8)):\n"
        "    losses.append(loss(np.array([[p, 1 - p]]), np.array([0])))\n"
        "best = min(losses)",
    ),
    "a plot inside a function": swap(
        "def loss",
        "import matplotlib.pyplot as plt\n\n"
        + LOSS.replace("    return", "    plt.clf(); plt.plot(picked)\n    return"),
    ),
    "a type asked for inside a function": swap(
        "def softmax",
        "import torch\n\n"
        + SOFTMAX.replace(
            "    e =",
            "    if isinstance(z, torch.Tensor):\n        z = z.numpy()\n    e =",
        ),
    ),
}


def forms() -> dict[str, list[str]]:
    """Return the name of each form, and its code cells."""
    plain = [
        OTTER,
        IMPORT,
        SOFTMAX,
        CHECKS["q1"],
        LOSS,
        CHECKS["q2"],
        BEST,
        CHECKS["q3"],
        "print('done')",
    ]
    made = {name: change(plain) for name, change in FORMS.items()}
    for name, text in SET_UP.items():
        first = f"{_dedent(text)}\n{IMPORT}"
        made[f"first cell: {name}"] = swap("import numpy", first)(plain)
    return made


def _dedent(text):
    lines = text.strip("\n").split("\n")
    by = len(lines[0]) - len(lines[0].lstrip())
    return "\n".join(line[by:] for line in lines)


# ---- what a real kernel needs: packages that this machine may not have


@dataclass(frozen=True)
class Lookalike:
    """A package as far as these notebooks use it, written to a folder as a module."""

    path: str
    text: str


ANYTHING = """
from unittest.mock import MagicMock
import sys
made = MagicMock(__version__='3.1', __path__=[], __spec__=__spec__)
sys.modules[__name__] = made
for part in {parts}:
    sys.modules[f'{{__name__}}.{{part}}'] = getattr(made, part)
"""
BAR = """
class tqdm:
    def __init__(self, things=(), **options):
        self.things = things
    def __iter__(self):
        return iter(self.things)
    def __len__(self):
        return len(self.things)
    def __enter__(self):
        return self
    def __exit__(self, *problem):
        pass
    def update(self, n=1): ...
    def set_postfix(self, **more): ...
def trange(*args):
    return tqdm(range(*args))
"""
COLAB = """
class drive:
    mount = staticmethod(lambda folder, force_remount=False: None)
class files:
    upload = staticmethod(dict)
class userdata:
    get = staticmethod(lambda name: 'made up')
"""
INSTALLS = "async def install(name):\n    pass\n"
LOOKALIKES = [
    Lookalike("tqdm/__init__.py", BAR),
    Lookalike("tqdm/auto.py", BAR),
    Lookalike("tqdm/notebook.py", BAR),
    Lookalike("google/colab.py", COLAB),
    Lookalike("piplite.py", INSTALLS),
    Lookalike("micropip.py", INSTALLS),
    Lookalike("nest_asyncio.py", "def apply():\n    pass\n"),
    Lookalike(
        "numba.py",
        "def njit(f=None, **more):\n    return f or (lambda g: g)\n",
    ),
    Lookalike("seaborn.py", ANYTHING.format(parts=())),
    Lookalike("plotly.py", ANYTHING.format(parts=("graph_objects", "io", "express"))),
    Lookalike("tensorflow.py", ANYTHING.format(parts=("keras",))),
]
# What takes long to import, once for all kernels.
HEAVY = [
    "IPython.core.interactiveshell",
    "matplotlib.pyplot",
    "torch",
    "pandas",
    "sklearn.metrics",
    "scipy.stats",
    "ipywidgets",
]


def public() -> dict[str, list[str]]:
    """Return question → the code of its public checks."""
    from grader.marking import checks

    return {
        question: [case.code for case in checks.read(text) if not case.hidden]
        for question, text in TESTS.items()
    }


def asked() -> bytes:
    """Return all that a process needs to run these notebooks in kernels."""
    return json.dumps(
        {"notebooks": forms(), "tests": public(), "heavy": HEAVY}
    ).encode()
