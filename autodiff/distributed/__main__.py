"""``python -m autodiff.distributed -n 4 FILE.py ...``: a program in several processes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig

USAGE = "python -m autodiff.distributed -n PROCESSES FILE.py [ITS OPTIONS]"
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def main(arguments: list[str]) -> int:
    """Start the processes, wait for them, and return the exit code of the first that failed."""
    if len(arguments) < 3 or arguments[0] != "-n" or not arguments[1].isdecimal() or not int(arguments[1]):
        print(f"{USAGE}: starts so many processes of one program on this machine", file=sys.stderr)  # noqa: T201
        return 2
    beside = os.pathsep.join((sysconfig.get_path("scripts"), os.path.dirname(sys.executable)))
    starter = shutil.which("mpiexec", path=beside) or shutil.which("mpiexec")
    if starter is None:
        print(f"{USAGE}: no mpiexec is here; pip install mpi4py mpich", file=sys.stderr)  # noqa: T201
        return 2
    share = str(max(1, (os.cpu_count() or 1) // int(arguments[1])))
    environment = dict.fromkeys(THREADS, share) | dict(os.environ)  # or each would take all processors
    command = [starter, "-n", arguments[1], sys.executable, *arguments[2:]]
    code = subprocess.run(command, env=environment, check=False).returncode
    if code:
        how = f"was killed by signal {code}" if code in (6, 9, 11, 15) else f"ended with exit code {code}"
        print(f"python -m autodiff.distributed: a process {how}, and so all were ended", file=sys.stderr)  # noqa: T201
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
