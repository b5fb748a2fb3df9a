"""Gradients of DistributedDataParallel on two processes (gloo), each with half of a batch."""
import json
import os
import pathlib

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import nn

OUT = pathlib.Path(__file__).parent.parent / "data" / "ddp" / "gradients.json"
ROWS, WIDTH, CLASSES, LENGTH, EACH, RANKS = 40, 5, 3, 4, 3, 2


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(ROWS, WIDTH)
        self.hidden = nn.Linear(WIDTH, WIDTH)
        self.out = nn.Linear(WIDTH, CLASSES)

    def forward(self, ids):
        return self.out(torch.tanh(self.hidden(self.embedding(ids).mean(1))))


def rounded(tensor):
    return [float(f"{x:.9g}") for x in tensor.flatten().tolist()]


def work(rank):
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT="29731")
    dist.init_process_group("gloo", rank=rank, world_size=RANKS)
    torch.manual_seed(7)
    model = Model()
    ids = torch.randint(0, ROWS, (RANKS * EACH, LENGTH))
    labels = torch.randint(0, CLASSES, (RANKS * EACH,))
    weights = {name: rounded(p.detach()) for name, p in model.named_parameters()}
    own = slice(rank * EACH, (rank + 1) * EACH)
    # It reduces gradients as long as it lives.
    parallel = nn.parallel.DistributedDataParallel(model)
    nn.functional.cross_entropy(parallel(ids[own]), labels[own]).backward()
    if rank == 0:
        shapes = {name: list(p.shape) for name, p in model.named_parameters()}
        gradients = {name: rounded(p.grad) for name, p in model.named_parameters()}
        OUT.parent.mkdir(exist_ok=True)
        found = {"torch": torch.__version__, "ids": ids.tolist(), "labels": labels.tolist(),
                 "shapes": shapes, "weights": weights, "gradients": gradients}
        OUT.write_text(json.dumps(found) + "\n")
    dist.destroy_process_group()


if __name__ == "__main__":
    mp.spawn(work, nprocs=RANKS)
