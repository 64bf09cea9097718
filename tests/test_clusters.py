"""Schedulers and their variables: the launcher is torchrun or nobody.
And the script for SLURM that the page on processes shows."""
import json
import os
import re
import shlex
import socket
import subprocess
import time
from pathlib import Path

import pytest
from test_train_stops import Dropped,go
from torch.distributed.run import get_args_parser

from hiernb.cli import main as cli
from hiernb.train import distributed as processes
from hiernb.train.distributed import connect,init_process_group,local_fabric,torchrun_variables

slurm = dict(SLURM_JOB_ID="7", SLURM_JOB_NAME="birds", SLURM_NTASKS="4", SLURM_PROCID="3", SLURM_LOCALID="3",
    SLURM_NODEID="1",
             SLURM_NODELIST="node[1-2]", SLURM_NTASKS_PER_NODE="2", SLURM_NNODES="2")
schedulers = {
    "sbatch --ntasks=4": {k:slurm[k] for k in ("SLURM_JOB_ID","SLURM_JOB_NAME","SLURM_NTASKS")},
    "srun": slurm,
    "salloc": slurm|dict(SLURM_JOB_NAME="interactive"),
    "bsub with jsrun": dict(LSB_JOBID="7", LSB_HOSTS="node1 node2", LSB_DJOB_RANKFILE="/nowhere/rankfile",
    JSM_NAMESPACE_RANK="3",
                            JSM_NAMESPACE_LOCAL_RANK="1", JSM_NAMESPACE_SIZE="4", LSB_DJOB_NUMPROC="4"),
    "qsub of PBS": dict(PBS_JOBID="7.server", PBS_NODEFILE="/nowhere/nodes", PBS_NP="4", PBS_NODENUM="1",
    PBS_TASKNUM="2"),
    "mpirun": dict(OMPI_COMM_WORLD_SIZE="4", OMPI_COMM_WORLD_RANK="3", OMPI_COMM_WORLD_LOCAL_RANK="3",
    PMI_RANK="3", PMI_SIZE="4"),
    "Kubernetes": dict(KUBERNETES_PORT="tcp://10.0.0.1:443", MASTER_ADDR="birds-master-0",
    MASTER_PORT="23456"),
    "Lightning's launcher": dict(LT_CLI_USED="1", LT_DEVICES="4", LT_ACCELERATOR="tpu", LT_STRATEGY="ddp",
    LT_NUM_NODES="2", LT_PRECISION="16-mixed"),
}

def among(monkeypatch, variables):
    for name in os.environ.keys() & {*slurm,*processes.torchrun_names}: monkeypatch.delenv(name)
    for name,value in variables.items(): monkeypatch.setenv(name, value)

@pytest.mark.parametrize("variables", schedulers.values(), ids=schedulers)
def test_no_scheduler_s_variables_change_a_run_of_one_process(tmp_path, monkeypatch, variables):
    among(monkeypatch, variables)
    assert init_process_group("cpu")==(0,1)
    fabric = local_fabric("cpu")
    assert (fabric.world_size,fabric.global_rank,fabric.device.type) == (1,0,"cpu")
    assert (type(fabric.strategy).__name__,fabric.strategy.precision.precision) == ("SingleDeviceStrategy",
        "32-true")
    assert len(go(tmp_path/"run", 1, n=64, model=Dropped(), tensorboard=False).history)==1
    assert variables.items()<=os.environ.items()

@pytest.mark.parametrize("variables", schedulers.values(), ids=schedulers)
def test_under_torchrun_its_variables_alone_count(monkeypatch, variables):
    with socket.socket() as free:
        free.bind(("127.0.0.1",0))
        port = str(free.getsockname()[1])
    among(monkeypatch,
        variables|dict(RANK="0", WORLD_SIZE="1", LOCAL_RANK="0", MASTER_ADDR="127.0.0.1", MASTER_PORT=port))
    try: assert init_process_group("cpu")==(0,1) and processes.dist.is_initialized() and local_fabric("cpu").world_size==1
    finally: processes.destroy_process_group()

said = dict(RANK="0", WORLD_SIZE="2", LOCAL_RANK="0", MASTER_ADDR="127.0.0.1", MASTER_PORT="29500")
impossible = [(dict(RANK="5"), "RANK=5 and WORLD_SIZE=2"),
    (dict(RANK="two"), "RANK='two', expected a whole number"), (dict(RANK="-1"), "RANK='-1'"),
              (dict(WORLD_SIZE=""), "WORLD_SIZE=''"), (dict(WORLD_SIZE="0"), "WORLD_SIZE=0"),
              (dict(LOCAL_RANK=None), "but not LOCAL_RANK"),
              (dict(MASTER_ADDR="no-such-host.invalid"), "'no-such-host.invalid'.*no address that resolves"),
              (dict(MASTER_ADDR="a"*300), "no address"),
              (dict(MASTER_PORT="99999999999"), "99999999999.*no address"),
              (dict(WORLD_SIZE=None, LOCAL_RANK=None), "not WORLD_SIZE, LOCAL_RANK")]

@pytest.mark.parametrize(("change","says"), impossible)
def test_what_torchrun_cannot_have_said_is_refused_at_once(monkeypatch, change, says):
    among(monkeypatch, {name:value for name,value in (said|change).items() if value is not None})
    with pytest.raises(ValueError, match=f"{says}.*start with torchrun"): torchrun_variables()

@pytest.mark.parametrize(("rank","agent"), [("1","False"),("0","True"),("0","False")])
def test_where_nobody_answers_the_meeting_ends_soon(monkeypatch, rank, agent):
    assert processes.seconds_to_connect<60
    with socket.socket() as taken:                                   # an address at which nobody listens
        taken.bind(("127.0.0.1",0))
        port = str(taken.getsockname()[1])
        # there the first process listens itself, and nobody comes
        if (rank,agent)==("0","False"): taken.close()
        among(monkeypatch, said|dict(RANK=rank, MASTER_PORT=port, TORCHELASTIC_USE_AGENT_STORE=agent))
        monkeypatch.setattr(processes, "seconds_to_connect", 1.)
        start = time.monotonic()
        with pytest.raises(ConnectionError,
            match=f"process {rank} of 2 did not meet the others at 127.0.0.1:{port} in 1 seconds"):
            connect(torchrun_variables(), "gloo", 30)
        assert time.monotonic()-start<10

@pytest.fixture(scope="module")
def script():
    "The script for SLURM on the page."
    notebook = json.loads((Path(__file__).parent.parent/"nbs"/"65_train/05_distributed.ipynb").read_text())
    found = re.findall(r"```sh\n(#!/bin/bash\n.*?)```",
        "\n".join("".join(cell["source"]) for cell in notebook["cells"]), re.S)
    assert len(found)==1
    return found[0]

def test_the_script_for_slurm_is_bash_and_asks_for_one_task_per_machine(script):
    checked = subprocess.run(["bash","-n"], input=script, text=True, capture_output=True, check=False)
    assert checked.returncode==0, checked.stderr
    asked = dict(re.findall(r"^#SBATCH --([\w-]+)=(\S+)", script, re.M))
    assert asked["ntasks-per-node"]=="1"
    assert int(asked["nodes"])>1

def test_the_script_for_slurm_calls_torchrun_and_hiernb_by_options_that_they_have(script, tmp_path, capsys):
    (tmp_path/"activate").touch()
    tools = {"scontrol":'echo node1; echo node2', "srun":f'printf "%q " "$@" > {tmp_path}/called'}
    for name,does in tools.items():
        (tmp_path/name).write_text(f"#!/bin/bash\n{does}\n")
        (tmp_path/name).chmod(0o755)
    variables = dict(PATH=f"{tmp_path}:{os.environ['PATH']}", SLURM_JOB_NODELIST="node[1-2]",
        SLURM_JOB_NUM_NODES="2", SLURM_JOB_ID="7")
    text = script.replace(".venv/bin/activate", str(tmp_path/"activate"))
    done = subprocess.run(["bash","-eu","-c",text], capture_output=True, text=True, check=False,
        env=variables, cwd=tmp_path)
    assert done.returncode==0, done.stderr
    program,*words = shlex.split((tmp_path/"called").read_text())
    options = get_args_parser().parse_args(words)
    assert program=="torchrun"
    assert options.module
    assert options.training_script=="hiernb"
    assert (options.nnodes,options.rdzv_backend,options.rdzv_endpoint,options.rdzv_id) == ("2","c10d",
        "node1:29500","7")
    assert f"gpus-per-node={options.nproc_per_node}\n" in script
    assert cli.main([*options.training_script_args,"--print"])==0
    assert "seed = " in capsys.readouterr().out
