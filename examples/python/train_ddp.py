"""PyTorch DDP: one acquire per host, then the barrier, then every rank reads the same files.

    torchrun --nnodes 4 --nproc-per-node 8 train_ddp.py        (PYTHONPATH names clients/python)

All hosts ask at once: every byte leaves the origin once, and the hosts give each other the rest.
"""
import os
import sys
from datetime import timedelta

import torch.distributed as dist

import dscache

# A barrier lasts as long as the longest download. Over gloo no GPU waits in it.
LONGEST_DOWNLOAD = timedelta(hours=2)


def show(progress: dscache.Progress) -> None:
    print(f"{progress.phase}: {progress.bytes_done:,} of {progress.bytes_total:,} bytes", file=sys.stderr)


def main() -> None:
    dist.init_process_group("gloo", timeout=LONGEST_DOWNLOAD)
    host, lease, failure = os.uname().nodename, None, None
    # The lease is the first rank's of a host; the others end before it lets go.
    if int(os.environ["LOCAL_RANK"]) == 0:
        try:
            # SNAPSHOT_ID, DATASET_ID and JOB_ID say which.
            lease = dscache.acquire(progress=show if dist.get_rank() == 0 else None)
        except dscache.DscacheError as e:
            failure = str(e)

    # The barrier, which also says who has it where: one host that failed must not leave the others waiting.
    said = [None] * dist.get_world_size()
    dist.all_gather_object(said, (host, str(lease.path) if lease else None, failure))
    try:
        failures = [f"{where}: {why}" for where, _, why in said if why]
        if failures:
            raise SystemExit("The dataset could not be had. " + "; ".join(failures))
        train(next(path for where, path, _ in said if where == host and path))
        dist.barrier()
    finally:
        if lease:
            lease.release()
        dist.destroy_process_group()


def train(path: str) -> None:
    names = sorted(os.listdir(path))
    mine = names[dist.get_rank()::dist.get_world_size()]
    print(f"rank {dist.get_rank()}: {len(mine)} of {len(names)} in {path}", flush=True)


if __name__ == "__main__":
    main()
