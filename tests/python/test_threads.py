"""Numbers of threads, fork, concurrent calls, Ctrl-C and progress."""

import os
import subprocess
import sys
import sysconfig
import textwrap
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import isogram as ig
import numpy as np
import pytest
import threadpoolctl
from support import data, program, run_program

posix = pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals or fork")
linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc or sets the affinity")

ASK = "import isogram as ig; print(ig.get_num_threads())"


# How many threads ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("env", "expected"),
    [
        ({"ISOGRAM_NUM_THREADS": "3"}, 3),
        ({"OMP_NUM_THREADS": "2"}, 2),
        ({"ISOGRAM_NUM_THREADS": "3", "OMP_NUM_THREADS": "2"}, 3),
    ],
)
def test_environment(env, expected):
    assert run_program(ASK, env) == str(expected)


@pytest.mark.parametrize("value", ["", "0", "-3", "abc", "2.5", "99999999999999"])
def test_nonsense_in_the_environment_is_ignored(value):
    assert run_program(ASK, {"ISOGRAM_NUM_THREADS": value}) == run_program(ASK)


def test_default_is_at_most_the_processors():
    assert 1 <= int(run_program(ASK)) <= os.cpu_count()


@linux
def test_default_respects_the_affinity():
    code = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n" + ASK
    assert run_program(code) == "1"


def test_set_num_threads_beats_the_environment():
    code = "import isogram as ig; ig.set_num_threads(4); print(ig.get_num_threads())"
    assert run_program(code, {"ISOGRAM_NUM_THREADS": "2"}) == "4"


def test_set_num_threads():
    before = ig.get_num_threads()
    ig.set_num_threads(before + 2)
    assert ig.get_num_threads() == before + 2
    ig.set_num_threads(before)
    assert ig.get_num_threads() == before


@linux
@pytest.mark.parametrize(
    ("env", "argument", "expected"), [("4", "1", 1), ("1", "3", 3), ("3", "None", 3)]
)
def test_the_argument_beats_the_environment(env, argument, expected):
    """Counted as the threads of the process after a call: the pool's, and the caller."""
    code = f"""
        import os
        import numpy as np, isogram as ig
        x = np.random.default_rng(0).standard_normal((1500, 300))
        before = len(os.listdir("/proc/self/task"))
        ig.gram(x, num_threads={argument})
        print(1 + len(os.listdir("/proc/self/task")) - before)
    """
    assert run_program(code, {"ISOGRAM_NUM_THREADS": env}) == str(expected)


def test_threadpoolctl_lists_isogram():
    found = [lib for lib in threadpoolctl.threadpool_info() if "isogram" in lib["internal_api"]]
    assert len(found) == 1
    assert found[0]["num_threads"] == ig.get_num_threads()


def test_threadpoolctl_limits_isogram():
    before = ig.get_num_threads()
    ig.set_num_threads(3)
    try:
        with threadpoolctl.threadpool_limits(1):
            assert ig.get_num_threads() == 1
        assert ig.get_num_threads() == 3
    finally:
        ig.set_num_threads(before)


@linux
def test_small_calls_start_no_threads():
    code = """
        import os
        import numpy as np, isogram as ig
        def started():
            return len(os.listdir("/proc/self/task")) - before
        x = np.random.default_rng(0).standard_normal((70, 10), np.float32)
        before = len(os.listdir("/proc/self/task"))
        k = ig.gram(x, kernel="rbf", num_threads=4)
        ig.cka(x, x[:, 3:], num_threads=4)
        ig.gbs(x, x[:, 3:], k=5, num_threads=4)
        ig.center(k, num_threads=4)
        small = started()
        ig.cka(np.tile(x, (20, 30)), np.tile(x, (20, 7)), num_threads=4)
        print(small, started())
    """
    assert run_program(code) == "0 3"


# Fork and concurrency -----------------------------------------------------------------------


@posix
@pytest.mark.parametrize("threads", [1, 3])
def test_calls_survive_a_fork(threads):
    code = f"""
        import os, warnings
        import numpy as np, isogram as ig
        x = np.random.default_rng(0).standard_normal((700, 50))
        tokens = x.reshape(35, 20, 50)
        def work():
            rsm = ig.semantic_rsm(tokens, num_threads={threads})
            return ig.gram(x, num_threads={threads}).tobytes() + rsm.tobytes()
        expected = work()
        warnings.simplefilter("ignore")  # newer Pythons warn of a fork with threads
        for generation in range(3):
            child = os.fork()
            if child == 0:
                os._exit(0 if work() == expected and work() == expected else 1)
            assert os.waitpid(child, 0)[1] == 0
            assert work() == expected
        print("survived")
    """
    assert run_program(code, timeout=60) == "survived"


@posix
@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("way", ["return", "raise", "call"])
def test_a_fork_in_progress_leaves_no_child_waiting(way, threads):
    """The child lacks the threads that share the work: an error there, the result in the parent."""
    code = f"""
        import os, sys, warnings
        import numpy as np, isogram as ig
        warnings.simplefilter("ignore")  # newer Pythons warn of a fork with threads
        tokens = np.random.default_rng(0).standard_normal((400, 25, 16), dtype=np.float32)
        work = lambda **p: ig.semantic_rsm(tokens, num_threads={threads}, **p)
        expected, child = work(), None
        def progress(done, total):
            global child
            if child is None:
                child = os.fork()
                if child == 0 and {way!r} == "raise":
                    raise SystemExit(5)
                if child == 0 and {way!r} == "call":
                    os._exit(5 if np.array_equal(work(), expected) else 1)
        try:
            result = work(progress=progress)
        except RuntimeError as error:
            assert child == 0 and {threads} > 1
            assert str(error).startswith("semantic_rsm: the process was forked during the call")
            result = expected
        assert np.array_equal(result, expected) and np.array_equal(work(), expected)
        if child == 0:
            os._exit(5)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 5
        print("done")
    """
    assert run_program(code, timeout=60) == "done"


@posix
@pytest.mark.parametrize(
    "call",
    [
        "ig.gram(x)",
        "ig.cka(x, x, num_threads=2)",
        "ig.match(x)",
        "ig.semantic_rsm(t)",
        "ig.semantic_rsm(t, num_threads=2)",
        "ig.semantic_rsm(t, progress=lambda *_: time.sleep(0.001))",
        "ig.compare_rsms(k, k, method='kendall')",
    ],
)
def test_a_daemon_thread_in_a_call_does_not_disturb_the_exit(call):
    code = f"""
        import sys, threading, time
        import numpy as np, isogram as ig
        normal = np.random.default_rng(0).standard_normal
        x, t, k = normal((60, 20)), normal((900, 49, 32)), normal((600, 600))
        def work():
            while True:
                {call}
        threading.Thread(target=work, daemon=True).start()
        time.sleep(0.2)
        sys.exit(7)
    """
    for _ in range(3):
        process = subprocess.run(**program(code), timeout=60, check=False)
        assert (process.returncode, process.stderr) == (7, "")


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="the module has another name")
@pytest.mark.parametrize("module", ["isogram", "isogram._core"])
def test_a_subinterpreter_is_refused(module):
    code = f"""
        import sys, warnings, _xxsubinterpreters as interpreters
        code = "import sys, warnings; sys.path[:] = {{!r}}; warnings.simplefilter('ignore')\\n"
        code += "try: import {module}\\nexcept ImportError as error: print(error)"
        interpreters.run_string(interpreters.create(), code.format(sys.path))
        import isogram  # the main one may
    """
    expected = "isogram._core works in the main interpreter only, and this is a subinterpreter"
    assert run_program(code, timeout=20).startswith(expected)


# Of x (9, 4), and k, which is square.
FIRST_CALLS = {
    "gram": "ig.gram(x, kernel='rbf')",
    "cka": "ig.cka(x, x + 1)",
    "gbs": "ig.gbs(x, x, k=2)",
    "similarity": "ig.similarity(x, x[:, :3], measure='gbs')",
    "match": "ig.match(k)",
    "rsm": "ig.semantic_rsm([x, x[:5]])",
    "compare_rsms": "ig.compare_rsms(k, k, method='kendall')",
    "measures": "ig.measures()['cka'].value",
    "plan": "ig.plan('cka_matrix', [x, x + 1]).tiles",
    "config": "ig.config()['version']",
}


def test_first_calls_import_nothing(tmp_path):
    """A signal handler that interrupts an import, and calls isogram, finds half of a module.

    But on a thread of its own, which no handler interrupts: measures and their parts, and CUDA.
    """
    (tmp_path / "_cuda.py").touch()  # taken where isogram is built without CUDA
    code = f"""
        import sys
        import numpy as np, isogram as ig
        ig.__path__.append({str(tmp_path)!r})
        before, executed = set(sys.modules), []
        def watch(frame, event, _):
            if event == "call" and frame.f_code.co_name == "<module>":
                executed.append(frame.f_code.co_filename)
        sys.setprofile(watch)  # of this thread alone
        x = np.arange(36.0).reshape(9, 4) ** 2 % 7
        k = ig.gram(x, kernel="rbf")
        tokens = [x, x[:5].astype(np.float32), x[2:].astype(np.float16)]
        ig.bandwidth(x, max_pairs=5)
        ig.center(k, out=k.copy())
        ig.hsic(x, x, kernel="laplacian")
        ig.cka_matrix({{"a": x, "b": x.tolist()}}, [x])
        ig.gbs(x, x, k=2)
        ig.graph(x, k=2)
        for name in ig.measures():
            options = {{"k": 3}} if "k" in ig.measures()[name].options else {{}}
            ig.similarity(x, x[:, :3], measure=name, **options)
        ig.similarity_matrix({{"a": x, "b": x[:, 1:]}}, measure="dcor", progress=lambda *_: None)
        ig.modularity(x, list("aabbccabc"))
        ig.motifs(x, range(9))
        ig.match(k)
        ig.semantic_rsm(tokens, kernel=("cosine", "rbf"), progress=lambda *_: None)
        ig.spatial_rsm(x[None])
        ig.compare_rsms(k, k, method="kendall")
        ig.jsd(np.full((9, 4), 0.25))
        ig.config()
        sys.setprofile(None)
        names = [name for name in set(sys.modules) - before if name.startswith("isogram.")]
        print(executed, sorted({{name.split(".")[1] for name in names}}))
    """
    assert run_program(code) == "[] ['_cuda', '_device', '_measures', '_statistics']"


@posix
@pytest.mark.parametrize("first", FIRST_CALLS)
def test_a_handler_that_calls_isogram_in_the_midst_of_the_first_call(first):
    """Wherever Python runs in a first call, also on behalf of the core: each in a new process."""
    code = f"""
        import os, signal, sys
        import numpy as np, isogram as ig
        x = np.arange(36.0).reshape(9, 4) ** 2 % 7
        k = x @ x.T
        call = {FIRST_CALLS[first]!r}
        def run(place):
            \"\"\"Return whether the call has that place.\"\"\"
            count = 0
            def interrupt(frame, event, _):
                nonlocal count
                count += event == "call"
                if event == "call" and count == place:
                    eval(call)
            sys.setprofile(interrupt)
            eval(call)
            sys.setprofile(None)
            return place <= count
        place, status = 0, 0
        while status == 0:
            place += 1
            child = os.fork()
            if not child:
                signal.alarm(20)
                os._exit(0 if run(place) else 17)
            status = os.waitpid(child, 0)[1]
        print(place > 5 and os.waitstatus_to_exitcode(status) == 17)
    """
    assert run_program(code, timeout=120) == "True"


def test_a_first_call_while_python_shuts_down_ends():
    """No thread runs then: the call fails, as imports do, and does not wait for one."""
    code = """
        import numpy as np, isogram as ig
        class Late:
            def __del__(self, similarity=ig.similarity, x=np.eye(6), print=print):
                try:
                    similarity(x, x)
                except ImportError:
                    print("refused")
                else:
                    print("computed")
        late = Late()
    """
    assert run_program(code, timeout=20) in ("refused", "computed")


@pytest.mark.parametrize("num_threads", [1, 2])
@pytest.mark.parametrize("is_warm", [True, False])
def test_a_call_of_the_core_while_python_shuts_down_ends(num_threads, is_warm):
    code = f"""
        import numpy as np, isogram as ig
        x = np.arange(36.0).reshape(6, 6)
        def call():
            print(ig.match(x, num_threads={num_threads}).total)
        if {is_warm}:
            call()
        class Late:
            def __del__(self, call=call, print=print):
                try:
                    call()
                except Exception as error:
                    print(type(error).__name__)
        late = Late()
        """
    assert run_program(code, timeout=20).splitlines() == ["105.0"] * (1 + is_warm)


@posix
@pytest.mark.parametrize("milliseconds", [0.5, 2, 3, 4, 6, 10])
def test_a_fork_in_the_midst_of_another_threads_first_call(milliseconds):
    code = f"""
        import os, threading, time, signal
        import numpy as np, isogram as ig
        x = np.arange(36.0).reshape(9, 4) ** 2 % 7
        thread = threading.Thread(target=ig.similarity, args=(x, x))
        thread.start()
        time.sleep({milliseconds} / 1000)
        child = os.fork()
        if not child:
            signal.alarm(20)
            os._exit(0 if ig.similarity(x, x) == 1.0 else 1)
        print(os.waitpid(child, 0)[1])
        thread.join()
    """
    assert run_program(code, timeout=60) == "0"


def test_a_finalizer_in_the_midst_of_the_first_import_does_not_wait_for_it():
    code = """
        import gc
        import numpy as np, isogram as ig
        x, said = np.random.default_rng(0).standard_normal((40, 6)), []
        class Cycle:
            def __init__(self):
                self.itself = self
            def __del__(self):
                try:
                    ig.similarity(x, x)
                except RuntimeError as error:
                    said.append(str(error))
        cycles = [Cycle() for _ in range(100)]
        gc.set_threshold(20, 1, 1)
        del cycles
        print(ig.similarity(x, x), all("interrupted the import" in text for text in said))
    """
    assert run_program(code, timeout=60) == "1.0 True"


@posix
def test_a_handler_in_the_midst_of_an_import_of_what_it_needs_is_told():
    """As of a plan that is unpickled: no thread can import what this one has begun to."""
    code = """
        import signal, sys
        import numpy as np, isogram as ig
        from isogram import _loading
        _loading._SECONDS = 0.2
        said = []
        def interrupt(frame, event, _):
            is_module = frame.f_code.co_name == "<module>"
            if event == "call" and is_module and frame.f_code.co_filename.endswith("procrustes.py"):
                try:
                    ig.similarity(np.eye(6), np.eye(6), measure="procrustes")
                except RuntimeError as error:
                    said.append(str(error))
        sys.setprofile(interrupt)
        import isogram._measures.procrustes
        sys.setprofile(None)
        print(said)
        print(ig.similarity(np.eye(6), np.eye(6), measure="procrustes"))
    """
    refused, value = run_program(code, timeout=20).splitlines()
    assert "isogram: this call interrupted the import of isogram._measures" in refused
    assert float(value) < 1e-7  # an angle whose cosine is 1 but for the rounding of LAPACK


def jobs():
    """A mixed bag of calls, each returning bytes."""
    x, y = data((300, 40), "float32"), data((300, 70), "float32")
    tokens = data((20, 25, 16), "float32")
    return [
        lambda: ig.gram(x, kernel="rbf", num_threads=3).tobytes(),
        lambda: ig.cka_matrix([x, y, x], num_threads=2).tobytes(),
        lambda: ig.semantic_rsm(tokens, num_threads=3).tobytes(),
        lambda: ig.gbs(x, y, k=5, num_threads=1),
        lambda: ig.match(data((10, 60, 60), "float64"), num_threads=2).columns.tobytes(),
        lambda: ig.bandwidth(x),
        lambda: ig.graph(x, k=4).indices.tobytes(),
        lambda: ig.modularity(x, np.arange(300) % 3),
        lambda: ig.compare_rsms(ig.gram(x), ig.gram(y), method="kendall"),
        lambda: ig.jsd(np.abs(x) / np.abs(x).sum(axis=1, keepdims=True)).tobytes(),
        lambda: ig.similarity_matrix([x, y], measure="mutual_knn").tobytes(),
        lambda: ig.plan("semantic_rsm", tokens, tile=6).run(tokens).tobytes(),
        lambda: batches_of(x, y).compute().tobytes(),
    ]


def batches_of(x, y):
    """Return the sums of two layers, batch by batch."""
    sums = ig.MinibatchCKA()
    for rows in range(0, len(x), 50):
        sums.update([x[rows : rows + 50], y[rows : rows + 50]])
    return sums


def test_concurrent_calls_give_the_same_bits():
    calls = jobs()
    expected = [call() for call in calls]
    with ThreadPoolExecutor(6) as pool:
        futures = [(i, pool.submit(call)) for _ in range(8) for i, call in enumerate(calls)]
        for i, future in futures:
            assert future.result(timeout=60) == expected[i]


@pytest.mark.skipif(not sysconfig.get_config_var("Py_GIL_DISABLED"), reason="needs no GIL")
def test_python_stays_without_a_gil():
    assert run_program("import sys, isogram; print(sys._is_gil_enabled())") == "False"


def test_first_calls_of_many_threads_at_once():
    """Modules are loaded, measures are listed and registered, and each is told of its own call."""
    code = """
        import threading
        from concurrent.futures import ThreadPoolExecutor
        from dataclasses import replace
        import numpy as np, isogram as ig
        x, y = np.random.default_rng(0).standard_normal((2, 200, 9))
        start = threading.Barrier(8)
        def calls(number):
            start.wait()
            told = []
            cka = ig.similarity(x, y, measure="angular_cka")
            mine = replace(ig.measures()["cka"], name=f"cka_{number}", aliases=())
            ig.register_measure(mine)
            for _ in range(50):
                assert f"cka_{number}" in ig.measures()
                assert ig.similarity(x, y, measure="mutual_knn", k=3) >= 0
            def tell(done, total):
                told.append((threading.get_ident(), done, total))
            plan = ig.plan("gram", x, tile=64)
            gram = plan.run(x, progress=tell)
            assert {thread for thread, *_ in told} == {threading.get_ident()}
            assert told[-1][1] == told[-1][2]
            layers = ig.MinibatchCKA()
            layers.update([x, y])
            return cka, gram.tobytes(), layers.compute().tobytes(), ig.get_num_threads()
        with ThreadPoolExecutor(8) as pool:
            first, *others = pool.map(calls, range(8))
        assert all(other == first for other in others)
        print(sum(name.startswith("cka_") for name in ig.measures(kind="similarity")))
    """
    assert int(run_program(code)) >= 8


def test_a_call_from_a_progress_callback_works():
    """A nested call runs in the same thread while the outer one is under way."""
    tokens, x = data((30, 20, 8), "float32"), data((60, 10), "float32")
    expected, nested = ig.gram(x), []
    outer = ig.semantic_rsm(tokens, progress=lambda done, total: nested.append(ig.gram(x)))
    assert np.array_equal(outer, ig.semantic_rsm(tokens))
    assert nested
    assert all(np.array_equal(gram, expected) for gram in nested)


# Inputs that change -------------------------------------------------------------------------

CHANGING = {
    "gram": lambda x: ig.gram(x[0], kernel="rbf", bandwidth=2.0),
    "cka": lambda x: ig.cka(x[0], x[1]),
    "graph": lambda x: ig.graph(x[0], k=3),
    "center": lambda x: ig.center(x[0]),
    "semantic_rsm": ig.semantic_rsm,
    "semantic_rsm, greedy": lambda x: ig.semantic_rsm(x, matching="greedy"),
    "spatial_rsm": lambda x: ig.spatial_rsm(x, kernel="rbf", bandwidth=2.0),
    "compare": lambda x: ig.compare_rsms(x[0], x[1], method="spearman"),
    "jsd": lambda x: ig.jsd(x[0]),
}


@pytest.mark.parametrize("bad", [np.nan, -1.0, np.finfo(np.float32).max])
@pytest.mark.parametrize("name", CHANGING)
def test_inputs_that_change_meanwhile(name, bad):
    """A result, the error for what was wrong, or that another thread wrote: nothing internal."""
    x = np.full((2, 20, 20), np.float32(0.05))
    good, is_done = x[1, 19, 19], threading.Event()

    def meddle():
        while not is_done.is_set():
            x[:, 19, 18] = bad
            x[:, 19, 18] = good

    meddler = threading.Thread(target=meddle)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    meddler.start()
    messages = set()
    try:
        for _ in range(200):
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # of constant layers
                    CHANGING[name](x)
            except (ValueError, RuntimeError) as error:
                messages.add(str(error))
    finally:
        is_done.set()
        meddler.join()
        sys.setswitchinterval(interval)
    function = name.partition(",")[0]
    for message in messages:
        assert message.startswith(f"{function}: `")
        assert " must " in message


# Ctrl-C -------------------------------------------------------------------------------------

# All levels but the lowest only get there sooner, so the lowest is used.
LONG_CALLS = {
    "gram": """
        x = normal((6000, 6000)); call = lambda: ig.gram(x, kernel="laplacian", bandwidth=9.0)""",
    "center": "k = np.ones((9000, 9000)); call = lambda: [ig.center(k, out=k) for _ in range(500)]",
    "cka_matrix": """
        layers = [normal((2500, 3000))] * 30; call = lambda: ig.cka_matrix(layers)""",
    "cka": "x = normal((9000, 9000)); call = lambda: ig.cka(x, x, kernel='rbf', bandwidth=9.0)",
    "gbs_matrix": """
        layers = [normal((2500, 3000))] * 30; call = lambda: ig.gbs_matrix(layers)""",
    "gbs_matrix of k-NN graphs": """
        layers = [normal((2500, 3000))] * 30; call = lambda: ig.gbs_matrix(layers, k=5)""",
    "graph": "x = normal((9000, 5000)); call = lambda: ig.graph(x, k=5)",
    "motifs": """
        x = normal((9000, 5000)); call = lambda: ig.motifs(x, np.arange(9000) % 7, k=5)""",
    "bandwidth": """
        x = normal((20000, 2000)); call = lambda: ig.bandwidth(x, max_pairs=10**9)""",
    "match": """
        rows = np.arange(1.0, 6001); cost = np.outer(rows, rows)
        call = lambda: ig.match(cost, maximize=False)""",
    "match of integers": """
        rows = np.arange(1, 9001); costs = np.outer(rows, rows)
        call = lambda: ig.match(costs, maximize=False)""",
    "match of integers, Fortran order": """
        rows = np.arange(1, 9001); costs = np.outer(rows, rows).T
        call = lambda: ig.match(costs, maximize=False)""",
    "match of a sparse matrix": """
        import scipy.sparse
        rows = np.arange(1.0, 5001); costs = scipy.sparse.csr_array(np.outer(rows, rows))
        call = lambda: ig.match(costs, maximize=False)""",
    "match of a batch": """
        costs = np.broadcast_to(normal((1000, 1000)), (3000, 1000, 1000))
        call = lambda: ig.match(costs)""",
    "semantic_rsm": """
        tokens = normal((400, 196, 64)); call = lambda: ig.semantic_rsm(tokens)""",
    "semantic_rsm in bands": """
        tokens = normal((1500, 196, 64))
        call = lambda: ig.semantic_rsm(tokens, memory_limit=20_000_000)""",
    "plan of semantic_rsm": """
        tokens = np.broadcast_to(normal((1, 196, 64)), (200_000, 196, 64))
        call = lambda: ig.plan("semantic_rsm", tokens, kernel="rbf")""",
    "semantic_rsm, greedy": """
        tokens = normal((300, 196, 64))
        call = lambda: ig.semantic_rsm(tokens, matching="greedy")""",
    "semantic_rsm of huge samples": """
        tokens = normal((3, 6000, 256)); call = lambda: ig.semantic_rsm(tokens)""",
    "spatial_rsm": "tokens = normal((9000, 3, 3000)); call = lambda: ig.spatial_rsm(tokens)",
    "compare": """
        a, b = normal((2, 9000, 9000)); call = lambda: ig.compare_rsms(a, b, method="kendall")""",
    "compare, spearman": """
        a, b = normal((2, 5000, 5000)); call = lambda: ig.compare_rsms(a, b, method="spearman")""",
    "compare, ranks of few levels": """
        a = np.sign(normal((5000, 5000))) * (1 - np.float32(2**-23) * (np.arange(5000) % 3))
        call = lambda: [ig.compare_rsms(a, a, method="kendall") for _ in range(9)]""",
    "jsd of many classes": """
        p = np.full((3, 20_000_000), 5e-8, np.float32)
        call = lambda: [ig.jsd(p) for _ in range(9)]""",
    "jsd": "p = np.full((9000, 1000), 1e-3, np.float32); call = lambda: ig.jsd(p)",
    # Rows that are long themselves.
    "gram of long rows": """
        x = normal((4, 15_000_000)) * np.float32(1e25); call = lambda: ig.gram(x)""",
    "correlations of long rows": """
        x = normal((4, 15_000_000)); call = lambda: ig.gram(x, kernel="correlation")""",
    "rbf of long rows": """
        x = np.repeat(normal((1, 15_000_000)), 5, axis=0)
        call = lambda: ig.gram(x, kernel="rbf", bandwidth=9.0)""",
    "cka of long rows": """
        x = normal((4, 15_000_000)); call = lambda: ig.cka(x, x[::-1], kernel="correlation")""",
    "bandwidth of long rows": "x = normal((4, 15_000_000)); call = lambda: ig.bandwidth(x)",
    "spatial_rsm of long rows": """
        tokens = normal((4, 1, 15_000_000)); call = lambda: ig.spatial_rsm(tokens)""",
    # What is done before and after the kernels.
    "bandwidth of drawn pairs": """
        x = normal((20000, 3)); call = lambda: ig.bandwidth(x, max_pairs=10**8)""",
    "bandwidth by the mean": """
        x = normal((14000, 3)); call = lambda: ig.bandwidth(x, rule="mean", max_pairs=10**9)""",
    "center of float16, Fortran order": """
        k = normal((9000, 9000)).astype(np.float16).T; call = lambda: ig.center(k)""",
    "match of what cannot be matched": """
        costs = normal((4000, 4000)); costs[:, 0] = -np.inf
        def call():
            try:
                ig.match(costs)
            except ValueError:
                pass""",
    "match of a list": "costs = normal((5000, 5000)).tolist(); call = lambda: ig.match(costs)",
    "spatial_rsm into Fortran order": """
        tokens = normal((9000, 1, 4)); out = np.empty((9000, 9000), np.float32, order="F")
        call = lambda: ig.spatial_rsm(tokens, tokens[::-1], kernel="rbf", out=out)""",
    "compare of rows of zeros": """
        rsm = normal((9000, 9000)); rsm[:, :2] = rsm[::2] = 0
        call = lambda: ig.compare_rsms(rsm, rsm.T, method="gbs")""",
    "toarray": "graph = ig.graph(normal((20000, 4)), k=2); call = graph.toarray",
}

# Signals come all along, and their handler takes the time. A stretch between two of them is as long
# as its busiest thread worked, or as long as it took where that is less: what other processes, or
# other machines on the same processor, take from it is not the call's. SIGINT ends the call.
INTERRUPTED = """
import pathlib, signal, time, warnings
import numpy as np, isogram as ig
ig.set_num_threads({threads})
normal = lambda shape: np.random.default_rng(0).standard_normal(shape, dtype=np.float32)
{setup}
def now():
    tasks = pathlib.Path("/proc/self/task").glob("*/schedstat")
    worked = {{task: int(task.read_text().split()[0]) / 1e9 for task in tasks}}
    is_known = any(worked.values())  # some systems do not tell
    return time.monotonic(), worked if is_known else {{"all": time.process_time()}}
def take_time(*_):
    global last
    wall, worked = now()
    busiest = max(seconds - last[1].get(task, 0) for task, seconds in worked.items())
    stretches.append(min(wall - last[0], busiest))
    last = wall, worked
    if wall > end:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.raise_signal(signal.SIGINT)
warnings.simplefilter("ignore")
stretches = []
signal.signal(signal.SIGALRM, take_time)
signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it
last = now()
end = last[0] + {after}
signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
try:
    call()
except KeyboardInterrupt:
    pass
signal.setitimer(signal.ITIMER_REAL, 0)
end = float("inf")
take_time()
print(max(stretches))
"""


def longest_stretch(name, after=2.0):
    """Return for how many seconds a call handled no signals, until it was interrupted."""
    threads = 1 + len(name) % 2  # some on one thread, some on two
    code = INTERRUPTED.format(threads=threads, after=after, setup=textwrap.dedent(LONG_CALLS[name]))
    return float(run_program(code, {"ISOGRAM_SIMD_LEVEL": "baseline"}, timeout=120))


@posix
@pytest.mark.parametrize("name", LONG_CALLS)
def test_signals_are_handled_within_a_second(name):
    """Ctrl-C among them, at any time of a call; a stretch too long is as long the next time."""
    assert any(longest_stretch(name) < 1.0 for _ in range(2))


# Progress -----------------------------------------------------------------------------------

WITH_PROGRESS = {
    "cka_matrix": lambda **p: ig.cka_matrix([data((300, 20), "float32", s) for s in range(9)], **p),
    "gbs_matrix": lambda **p: ig.gbs_matrix([data((300, 20), "float32", s) for s in range(9)], **p),
    "match": lambda **p: ig.match(data((200, 30, 30), "float32"), **p),
    "semantic_rsm": lambda **p: ig.semantic_rsm(data((40, 25, 8), "float32"), **p),
    "spatial_rsm": lambda **p: ig.spatial_rsm(data((40, 25, 8), "float32"), **p),
    "jsd": lambda **p: ig.jsd(np.full((200, 10), 0.1), **p),
}


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("name", WITH_PROGRESS)
def test_progress(name, threads):
    calls = []
    caller = threading.get_ident()

    def progress(done, total):
        assert threading.get_ident() == caller
        calls.append((done, total))

    WITH_PROGRESS[name](progress=progress, num_threads=threads)
    done, totals = zip(*calls, strict=True)
    assert list(done) == sorted(done)
    assert len(set(totals)) == 1
    assert done[-1] == totals[0] > 0


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("name", WITH_PROGRESS)
def test_an_exception_in_progress_ends_the_call(name, threads):
    def progress(done, total):
        raise LookupError("enough")

    for _ in range(2):  # nothing is left behind that would break the next call
        with pytest.raises(LookupError, match="enough"):
            WITH_PROGRESS[name](progress=progress, num_threads=threads)
    WITH_PROGRESS[name](num_threads=threads)


@pytest.mark.parametrize("name", WITH_PROGRESS)
def test_progress_bar(name, capfd):
    """`progress=True` draws a bar by tqdm, on standard error."""
    WITH_PROGRESS[name](progress=True)
    captured = capfd.readouterr()
    assert "%" in captured.err
    assert captured.out == ""


@pytest.mark.parametrize("name", WITH_PROGRESS)
def test_no_progress_is_silent(name, capfd):
    WITH_PROGRESS[name](progress=False)
    assert capfd.readouterr() == ("", "")
