"""Temporal activities that get a dataset and let it go.

Heartbeats come from the progress of the download. Where the worker dies, Temporal starts the activity again somewhere, and what has arrived on that host is there.
Synchronous: give the worker an activity_executor, and get_dataset a heartbeat_timeout of half a minute and a start_to_close_timeout of the longest download.
"""
from temporalio import activity
from temporalio.exceptions import ApplicationError, CancelledError

import dscache


def beat(progress: dscache.Progress) -> None:
    activity.heartbeat(progress.phase, progress.bytes_done, progress.bytes_total)
    if activity.is_cancelled():
        # Leaving acquire() by an exception gives the download up, unless somebody else waits for it.
        raise CancelledError(f"given up at {progress.bytes_done} of {progress.bytes_total} bytes")


@activity.defn
def get_dataset(snapshot_id: str, dataset_id: str, job_directory: str) -> str:
    """The path of the dataset. The link in the job's directory protects it from here on: the training may be another activity on the same host."""
    try:
        with dscache.acquire(snapshot_id, dataset_id=dataset_id, into=job_directory, job_id=activity.info().workflow_id, progress=beat) as path:
            return str(path)
    except dscache.DscacheError as e:
        # Temporal's own retries are for what may go away by itself.
        raise ApplicationError(str(e), type=e.code, non_retryable=not e.is_transient) from e


@activity.defn
def release_dataset(job_directory: str) -> bool:
    """The last activity of the workflow, in its `finally`."""
    return dscache.release(job_directory)
