"""What an expression costs here, in cel-python's InterpretedRunner and in Google's C++ binding, on the same facts, in one run.

    python -m tests.benchmarks cel

Each figure is the best of several rounds, so that other work on the machine shows least. The facts are converted for each
implementation beforehand: here they are used as they are.
"""

import os
import subprocess
import sys
import tempfile
import timeit
from collections.abc import Callable, Mapping
from typing import Any

import celpy
import celpy.adapter
from cel_expr_python import cel as google  # type: ignore[import-untyped]

from registrar.cel import INT, STRING, ListType, MapType, Scope, compile_expression
from tests.cel.vocabulary import TREE_SIZED

FACTS: Mapping[str, Any] = {
    "method": "none",
    "client": {"token_endpoint_auth_method": "none", "client_name": "my cli", "scope": "mcp:read mcp:tools"},
    "uris": tuple(f"https://app{number}.example.com/callback" for number in range(5)),
    "hosts": ("app0.example.com", "app1.example.com"),
    "n": 3,
    "numbers": tuple(range(100)),
}
EXPRESSIONS = {
    "simple comparison": 'method == "none"',
    "member comparison": 'client.token_endpoint_auth_method == "none"',
    "all() over five URIs": 'uris.all(u, u.startsWith("https://"))',
    "nested, 5 by 2": 'uris.all(u, hosts.exists(h, u.startsWith("https://" + h + "/")) || u.contains("example"))',
    "policy line": (
        'client.token_endpoint_auth_method == "none" && size(uris) <= 5 '
        '&& uris.all(u, u.startsWith("https://") && !u.contains("*")) && !client.client_name.contains("admin")'
    ),
    "matches": 'client.client_name.matches("^[ -~]+$")',
    "arithmetic": "(n + 4) * 2 - n % 2 > 10",
    "100 by 100": "numbers.all(a, numbers.exists(b, a == b))",
}
_SCOPE = Scope(
    {
        "method": STRING,
        "client": MapType(STRING, STRING),
        "uris": ListType(STRING),
        "hosts": ListType(STRING),
        "n": INT,
        "numbers": ListType(INT),
    }
)
_GOOGLE_TYPES = {
    "method": google.Type.STRING,
    "client": google.Type.Map(google.Type.STRING, google.Type.STRING),
    "uris": google.Type.List(google.Type.STRING),
    "hosts": google.Type.List(google.Type.STRING),
    "n": google.Type.INT,
    "numbers": google.Type.List(google.Type.INT),
}
_ROUNDS = 7
_ROUND_SECONDS = 0.04
_PROCESSES = 9


def best(run: Callable[[], object]) -> float:
    """Microseconds per call: the best of several rounds."""
    timer = timeit.Timer(run)
    once = max(timer.timeit(1), 1e-7)
    number = max(1, int(_ROUND_SECONDS / once))
    return min(timer.repeat(_ROUNDS, number)) / number * 1e6


def ours(text: str) -> Callable[[], object]:
    expression, activation = compile_expression(text, _SCOPE), _SCOPE.bind(FACTS, budget=2**62)
    return lambda: expression.evaluate(activation)


def interpreted(text: str) -> Callable[[], object]:
    environment = celpy.Environment()
    runner = environment.program(environment.compile(text))
    facts = {name: celpy.adapter.json_to_cel(list(value) if isinstance(value, tuple) else value) for name, value in FACTS.items()}
    return lambda: runner.evaluate(facts)


def binding(text: str) -> Callable[[], object]:
    environment = google.NewEnv(variables=_GOOGLE_TYPES)
    expression = environment.compile(text)
    activation = environment.Activation({n: list(v) if isinstance(v, tuple) else v for n, v in FACTS.items()})
    return lambda: expression.eval(activation)


def in_new_process(code: str) -> float:
    """Milliseconds that `code` takes in an interpreter of its own, beyond starting it: the best of several.

    Bytecode is cached, as it is in an installed wheel; the first run fills the cache.
    """
    timed = f"import time; t = time.perf_counter()\n{code}\nprint(time.perf_counter() - t)"
    with tempfile.TemporaryDirectory() as cache:
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": cache, "PYTHONDONTWRITEBYTECODE": ""}
        runs = [
            subprocess.run([sys.executable, "-c", timed], capture_output=True, check=True, text=True, env=environment)
            for _ in range(_PROCESSES)
        ]
    return min(float(run.stdout) for run in runs) * 1e3


def main() -> None:
    limit = sys.getrecursionlimit()
    print(f"{'microseconds per evaluation':32}{'here':>10}{'interpreted':>14}{'times':>8}{'C++':>10}")
    for name, text in EXPRESSIONS.items():
        here, other, cpp = best(ours(text)), best(interpreted(text)), best(binding(text))
        print(f"{name:32}{here:10.2f}{other:14.1f}{other / here:8.0f}{cpp:10.2f}")
    sys.setrecursionlimit(limit)
    load = "from tests.cel.vocabulary import TREE_SIZED, SCOPE\nfrom registrar.cel import compile_expression\n"
    compiling = load + "for text in TREE_SIZED:\n    compile_expression(text, SCOPE)"
    print(f"\n{'milliseconds in a new process':32}")
    print(f"{'import registrar.cel':32}{in_new_process('import registrar.cel'):10.1f}")
    print(f"{f'… and {len(TREE_SIZED)} expressions':32}{in_new_process(compiling):10.1f}")
    print(f"{'import celpy':32}{in_new_process('import celpy'):10.1f}")
    print(f"{'… and an Environment':32}{in_new_process('import celpy; celpy.Environment()'):10.1f}")


if __name__ == "__main__":
    main()
