"""Writing and reading the whole state of a run, ResNet-50 with AdamW's moments, beside torch.save.
`python benchmarks/checkpoint.py`"""
import pathlib,tempfile
import torch
from hiernb.train.checkpoint import read_checkpoint,save_checkpoint
from hiernb.model.backbones import build
from common import peak_bytes,row,seconds

def main()->None:
    model = build("resnet50", dim=512)
    optimizer = torch.optim.AdamW(model.parameters(), fused=True)
    for p in model.parameters(): p.grad = torch.full_like(p, 1e-3)
    optimizer.step()
    state = dict(model=model.state_dict(), optimizers=[optimizer.state_dict()])
    with tempfile.TemporaryDirectory() as folder:
        ours,peer = pathlib.Path(folder)/"ours.safetensors",pathlib.Path(folder)/"peer.pt"
        calls = [("write",lambda: save_checkpoint(ours, state),lambda: torch.save(state, peer)),
                 ("read",lambda: read_checkpoint(ours),lambda: torch.load(peer, weights_only=True))]
        for _,mine,theirs in calls:
            mine()
            theirs()
        size = f"{ours.stat().st_size/1e6:.0f} MB"
        # in forked children, before threads start
        memory = [[peak_bytes(f)/1e6 for f in (mine,theirs)] for _,mine,theirs in calls]
        for (what,mine,theirs),(a,b) in zip(calls,memory):
            print(row(f"{what} a checkpoint of ResNet-50 and AdamW, {size}: time", seconds(mine),
                seconds(theirs), "s", "torch, no checksum, not atomic"))
            print(row(f"{what} a checkpoint of ResNet-50 and AdamW, {size}: peak memory", a, b, "MB",
                "torch"))

if __name__=="__main__":
    torch.set_num_threads(1)
    main()
