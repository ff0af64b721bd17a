from __future__ import annotations
import sys, json
from pathlib import Path

def reset():
    for path in Path("mutants/src").rglob("*.meta"):
        data = json.loads(path.read_text())
        codes = data["exit_code_by_key"]
        codes.update({k: None for k, v in codes.items() if v not in (1, None)})
        path.write_text(json.dumps(data))

def run(names):
    import mutmut.__main__ as mutmut
    from mutmut.workers import isolation
    from tools.mutation_runner import CollectedRunner, IMPORTED
    sys.dont_write_bytecode = False
    isolation.PytestRunner = CollectedRunner
    estimate = mutmut.estimated_worst_case_time
    mutmut.estimated_worst_case_time = lambda name: estimate(name) + 1000 * name.startswith(IMPORTED)
    if not names: reset()
    mutmut._run(tuple(names), 2)

if __name__ == "__main__":
    run(sys.argv[1:])
