"""`python -m tests.fuzz --seconds N --seed S`: prints the figures; exit code 1 where something does not hold."""

import argparse
import sys
import time
import traceback
from pathlib import Path

import hypothesis
from hypothesis import HealthCheck, Phase, given, settings

from tests.fuzz.inputs import ROOT, SOURCES, examples
from tests.fuzz.judge import Figures, judge

ROUND = 200
"""Inputs of one seed; the next round takes the next one."""
_WANTS_ALL = b"agentflow: 1\nname: a\ninputs: {a: {type: 1}, b: {pattern: b}}\nsteps: {a: {value: steps.a.output[0]}}"


def main() -> int:
    """Tries inputs until the time is over, and tells what came of it."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="how long; default: 60")
    parser.add_argument("--seed", type=int, default=1, help="of the first round")
    parser.add_argument("--keep", type=Path, default=ROOT / ".fuzz", help="where failing inputs are saved")
    options = parser.parse_args()
    for source in (*examples(), _WANTS_ALL):
        judge(source, Figures())  # the first check that needs a library pays for importing it
    figures, failed, seed = Figures(), 0, options.seed
    end = time.monotonic() + options.seconds
    while time.monotonic() < end:
        failing = _round(seed, figures, end)
        if failing is not None:
            failed += 1
            _keep(failing, options.keep, seed)
        seed += 1
    print(f"inputs          {figures.inputs:,}, of which {figures.valid:,} are valid")
    print(f"codes reached   {len(figures.codes)}: {' '.join(sorted(figures.codes))}")
    print(f"slowest input   {figures.slowest:.1f} ms of the processor, {len(figures.slowest_input):,} bytes")
    print(f"steps           at most {figures.most_steps_per_byte:.0f} calls a byte")
    print(f"failures        {failed}")
    if figures.slowest_input:
        options.keep.mkdir(parents=True, exist_ok=True)
        (options.keep / "slowest.yaml").write_bytes(figures.slowest_input)
    return 1 if failed else 0


def _round(seed: int, figures: Figures, end: float) -> bytes | None:
    """Tries the inputs of one seed; gives the smallest one for which something does not hold."""
    last = [b""]

    def run(source: bytes) -> None:
        if time.monotonic() > end and not last[0]:
            return  # what fails is made smaller all the same
        try:
            judge(source, figures)
        except BaseException:
            last[0] = source
            raise

    phases = (Phase.generate, Phase.shrink)
    checks = list(HealthCheck)
    limits = settings(max_examples=ROUND, deadline=None, database=None, phases=phases, suppress_health_check=checks)
    try:
        hypothesis.seed(seed)(limits(given(SOURCES)(run)))()
    except Exception:
        traceback.print_exc()
        return last[0]
    return None


def _keep(source: bytes, folder: Path, seed: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"failing-{seed}.yaml"
    file.write_bytes(source)
    print(f"seed {seed}: saved as {file}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
