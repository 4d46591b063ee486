import sys,time,signal,os
import pytest
from tests.setup.test_worker import *
@pytest.mark.parametrize("mode",["warm","soft"])
def test_exp(mode, environment, tmp_path):
    env=dict(environment); args=[]
    if mode=="soft":
        env["REMAP_SIGTERM"]="SIGQUIT"; args=["worker_soft_shutdown_timeout=15"]
    log=tmp_path/"w.log"
    a = "worker --include tests.setup.probe --queues maintenance --concurrency 1 --hostname probe@%h".split()+(["--",*args] if args else [])
    with CeleryProgram(log, env, *a) as p:
        p.wait_for("ready.")
        ann=tmp_path/"ann"
        send(env, f"probe.work_until_stopped.delay({str(ann)!r})")
        eventually(ann.exists)
        t=time.monotonic(); rc=p.stop(seconds=60); took=time.monotonic()-t
    print("RESULT", mode, environment.get("CELERY_BROKER_URL","files")[:4], "rc",rc, f"{took:.1f}s", list(TaskResult.objects.values_list("status","result")))
    print(p.output[-1500:])
