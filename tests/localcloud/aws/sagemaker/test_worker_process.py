"""The worker dies with its owner, and its containers with it."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

from localcloud.aws.sagemaker.workers import LocalTransforms
from localcloud.process import is_alive
from tests.localcloud.aws.endpoint import eventually

_OWNER = """
import sys, time
from pathlib import Path
from localcloud.aws.sagemaker.workers import LocalTransforms
if __name__ == "__main__":
    transforms = LocalTransforms(Path(sys.argv[1]), lambda: "http://127.0.0.1:9")
    transforms.warm()
    while transforms.worker_pid is None:
        time.sleep(0.02)
    print(transforms.worker_pid, flush=True)
    time.sleep(600)
"""


def _alive_after(pid: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while is_alive(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return is_alive(pid)


def test_a_killed_owner_takes_its_worker_along(tmp_path: Path) -> None:
    owner = tmp_path / "owner.py"
    owner.write_text(_OWNER)
    command = [sys.executable, str(owner), str(tmp_path / "home")]
    root = Path(__file__).resolve().parents[4]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env={"PYTHONPATH": str(root)}, text=True) as process:
        assert process.stdout is not None
        worker = int(process.stdout.readline())
        assert is_alive(worker)
        process.send_signal(signal.SIGKILL)
    assert not _alive_after(worker, 60)


def test_a_worker_that_cannot_start_is_not_tried_again_before_a_job_comes(tmp_path: Path) -> None:
    transforms = LocalTransforms(tmp_path, lambda: "http://127.0.0.1:9", runtime="nowhere:containers")
    transforms.warm()
    log = tmp_path / "logs" / "transform.log"
    eventually(lambda: log.exists() and "ModuleNotFoundError" in log.read_text())
    time.sleep(2)
    assert log.read_text().count("ModuleNotFoundError") == 1
    assert transforms.worker_pid is None
    transforms.close()
