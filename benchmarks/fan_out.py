"""One side of the memory benchmark, in a process of its own: `python -m benchmarks.fan_out SIDE FOLDER AGENTS`."""

import sys
from pathlib import Path

from benchmarks import by_hand
from benchmarks.measure import run_by_agentflow, run_by_hand


def main() -> None:
    side, folder, agents = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    if side == "agentflow":
        run_by_agentflow(folder)
    else:
        run_by_hand(lambda client, place: by_hand.fan_out(client, place, agents), folder, "stream")


if __name__ == "__main__":
    main()
