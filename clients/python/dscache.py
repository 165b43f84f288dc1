"""Datasets from the DatasetCache node of this host, in one file and with the standard library alone (Python 3.9 and later).

    import dscache

    with dscache.acquire("snap_2b2fca921e88", dataset_id="coco", into="/jobs/91") as path:
        train(path)                         # /jobs/91/dataset: read-only, complete, and kept for as long as the block lasts

The dataset comes from this host's disk, from other nodes or from its origin, once however many ask. Progress, errors and a node that is started anew in the middle
are dealt with here. The node is found as `dscache` finds it: by the cache root (DSCACHE_ROOT, dscache.json, ~/.cache/dscache), in which node.lock says where it listens
and node.token lets in who may read it. Where no node runs there is an error that says so: `dscache get` works without one.
"""
from __future__ import annotations

import fcntl
import http.client
import json
import logging
import os
import re
import threading
import time
import urllib.parse
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, Mapping, Optional, Sequence, Tuple, Union

__all__ = ["acquire", "prefetch", "release", "read", "files", "status", "Lease", "Node", "Progress", "DscacheError", "NodeNotFoundError"]

_log = logging.getLogger("dscache")

# A node that is gone: whoever starts it again does so within seconds. One that lives and does not answer gets a minute.
_PATIENCE_WITHOUT_NODE = 10.0
_PATIENCE = 60.0
_PAUSE = 0.2
_TIMEOUT = 10.0
_FOLLOW = 5.0
_FOLLOW_WITH_PROGRESS = 0.25
_BEGINNINGS = 300


class DscacheError(Exception):
    """What the node said that went wrong."""

    def __init__(self, message: str, code: str = "internal", advice: Optional[str] = None, is_transient: bool = False, status: int = 0):
        super().__init__(message if not advice else f"{message} {advice}")
        self.message, self.code, self.advice, self.is_transient, self.status = message, code, advice, is_transient, status


class NodeNotFoundError(DscacheError):
    """No node serves this host's cache root, or this user may not use it."""

    def __init__(self, message: str, advice: str):
        super().__init__(message, code="noNode", advice=advice)


@dataclass(frozen=True)
class Progress:
    """How far a miss is. Totals are 0 until they are known."""

    phase: str
    cache_key: str
    files_done: int
    files_total: int
    bytes_done: int
    bytes_total: int
    bytes_from_origin: int


class _Lost(Exception):
    """The node is not there, broke off, or does not know the token (any more)."""


@dataclass
class Node:
    """A node: the one that owns a cache root (the default), or one at a given address.

    root   the cache root; None for DSCACHE_ROOT, dscache.json's cache.root, or ~/.cache/dscache
    url    its address, where it is not to be found by the root: http://127.0.0.1:4680
    token  its token, with url
    """

    root: Optional[Union[str, os.PathLike]] = None
    url: Optional[str] = None
    token: Optional[str] = field(default=None, repr=False)

    def __post_init__(self) -> None:
        self._met = False
        if self.url is None:
            self.root = os.path.abspath(os.fspath(self.root) if self.root is not None else _default_root())

    def request(self, method: str, target: str, body: Optional[Mapping[str, Any]] = None, headers: Optional[Mapping[str, str]] = None,
                wait: float = 0.0, patience: Optional[float] = None) -> Tuple[int, Mapping[str, str], bytes]:
        """One request; a node that is gone is looked for again. Returns status, headers and body."""
        lost_at: Optional[float] = None
        while True:
            try:
                return self._once(method, target, body, headers or {}, wait)
            except _Lost as lost:
                now = time.monotonic()
                if lost_at is None:
                    lost_at = now
                    _log.info("The node of this host does not answer (%s); waiting for it.", lost)
                there = bool(self.url) or self._find() is not None
                # A node that was never met and is not there does not run; one that was met comes back.
                limit = patience if patience is not None else _PATIENCE if there else _PATIENCE_WITHOUT_NODE if self._met else 0.0
                if now - lost_at >= limit:
                    raise NodeNotFoundError(
                        f"No node answers for {self.url or 'the cache root ' + str(self.root)} ({lost}).",
                        "Start one (`dscache serve`, or dscache-silo in a cluster), set DSCACHE_ROOT to its cache root, or use `dscache get`, which works without one.") from None
                time.sleep(_PAUSE)

    def call(self, method: str, target: str, body: Optional[Mapping[str, Any]] = None, wait: float = 0.0, patience: Optional[float] = None) -> Any:
        """The same for JSON: what came back, None for nothing; errors are DscacheError."""
        status, _, raw = self.request(method, target, body, wait=wait, patience=patience)
        if status >= 400:
            raise _problem(status, raw)
        return json.loads(raw) if raw else None

    def _once(self, method: str, target: str, body: Optional[Mapping[str, Any]], headers: Mapping[str, str], wait: float) -> Tuple[int, Mapping[str, str], bytes]:
        url, token = (self.url, self.token or "") if self.url else self._address()
        parts = urllib.parse.urlsplit(url)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        connection = kind(parts.hostname or "", parts.port, timeout=_TIMEOUT + wait)
        try:
            data = json.dumps(body).encode() if body is not None else None
            sent = {"Authorization": "Bearer " + token, **headers}
            if data is not None:
                sent["Content-Type"] = "application/json"
            connection.request(method, target, body=data, headers=sent)
            answer = connection.getresponse()
            raw = answer.read()
            self._met = True
            if answer.status == 401:
                # Started anew, it has a new token; the file has it too in a moment.
                raise _Lost("it refuses the token that its file holds")
            return answer.status, answer.headers, raw
        except (OSError, http.client.HTTPException) as e:
            raise _Lost(str(e) or type(e).__name__) from e
        finally:
            connection.close()

    def _find(self) -> Optional[Mapping[str, Any]]:
        """What node.lock says, while a node holds it; None where none lives."""
        try:
            with open(os.path.join(str(self.root), "node.lock"), "rb") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
                    return None
                except BlockingIOError:
                    text = file.read()
        except FileNotFoundError:
            return None
        except PermissionError as e:
            raise NodeNotFoundError(f"This user may not read {e.filename}.", "Run as the cache's user, or have its group own the cache root (chmod g+rxs).") from None
        try:
            return json.loads(text)
        except ValueError:
            return {}

    def _address(self) -> Tuple[str, str]:
        address = self._find()
        if address is None:
            raise _Lost("none holds its node.lock")
        url, token_file = address.get("url"), address.get("tokenFile")
        if not url:
            raise _Lost("it is just being started")
        try:
            with open(token_file, encoding="ascii") as file:
                return url, file.read().strip()
        except PermissionError:
            raise NodeNotFoundError(f"This user may not read the node's token file {token_file}.", "Run as the node's user, or make the cache root a group's (mode 2775).") from None
        except OSError as e:
            raise _Lost(str(e)) from e


class Lease:
    """A dataset that is ready, and kept as long as this is: renewed by a thread of its own until release(), or the end of the block.

    `with lease as path:` gives the path; so does os.fspath(lease).
    """

    path: Path              # into/dataset, or the snapshot itself
    snapshot_path: Path
    cache_key: str
    outcome: str            # "hit" or "miss"
    info: Mapping[str, Any]  # all that the node said: files, bytes, bytesFromOrigin, bytesFromPeers, seconds …

    def __init__(self, node: Node, request: Dict[str, Any], dataset: Mapping[str, Any]):
        self._node, self._request, self._pid = node, request, os.getpid()
        self._gate, self._ended = threading.Lock(), threading.Event()
        self._adopt(dataset)
        self.info = dataset
        self.cache_key, self.outcome = dataset["cacheKey"], dataset["outcome"]
        self.snapshot_path = self.path = Path(dataset["snapshotPath"])
        self._thread = threading.Thread(target=self._renew, name="dscache-lease", daemon=True)
        self._thread.start()

    @property
    def id(self) -> str:
        return self._id

    def release(self) -> None:
        """Lets go. A link that was made for it stays, and goes on protecting the dataset: see release(job_directory)."""
        # A forked child has the object and neither the thread nor the right to end it.
        if self._pid != os.getpid():
            return
        with self._gate:
            if self._ended.is_set():
                return
            self._ended.set()
        _forget(self._node, "/v1/leases/" + self._id)

    def __enter__(self) -> Path:
        return self.path

    def __exit__(self, *_: Any) -> None:
        self.release()

    def __fspath__(self) -> str:
        return str(self.path)

    def __repr__(self) -> str:
        return f"<dscache.Lease {self.cache_key} at {self.path}>"

    def _adopt(self, dataset: Mapping[str, Any]) -> None:
        self._id, self._every = dataset["lease"]["id"], dataset["lease"]["ttlSeconds"] / 3

    def _renew(self) -> None:
        pause = self._every
        while not self._ended.wait(pause):
            # Soon again after a failure: a third of the lease's time is left twice.
            pause = min(1.0, self._every)
            try:
                status, _, raw = self._node.request("POST", f"/v1/leases/{self._id}/renew", patience=_PATIENCE)
                if status == 404:
                    self._take_anew()
                elif status >= 400:
                    raise _problem(status, raw)
                pause = self._every
            except Exception as e:  # noqa: BLE001 - whatever it is, the next try comes
                _log.warning("The lease on %s could not be renewed, and is tried again: %s", self.cache_key, e)

    def _take_anew(self) -> None:
        # The node was started anew without its journal, or was away for longer than the lease lasts.
        dataset = _get(self._node, {**self._request, "hold": None, "refresh": False}, progress=None)
        with self._gate:
            if not self._ended.is_set() and dataset["cacheKey"] == self.cache_key:
                self._adopt(dataset)
                return
        _forget(self._node, "/v1/leases/" + dataset["lease"]["id"])
        if not self._ended.is_set():
            _log.error("%s was evicted while the node was away, and the dataset is another by now: what is open stays readable.", self.cache_key)
            self._ended.set()


def acquire(source: Optional[Union[str, os.PathLike]] = None, *, dataset_id: Optional[str] = None, version_hash: Optional[str] = None, origin: Optional[str] = None,
            into: Optional[Union[str, os.PathLike]] = None, select: str = "auto", include: Sequence[str] = (), exclude: Sequence[str] = (), allow_missing: bool = False,
            refresh: bool = False, hold: Optional[float] = None, job_id: Optional[str] = None, progress: Optional[Callable[[Progress], None]] = None,
            node: Optional[Node] = None) -> Lease:
    """Gets a dataset and keeps it from being evicted.

    source         a snapshot id (with dataset_id), s3://bucket/prefix, or a folder; None for SNAPSHOT_ID, DATASET_ID and DATASET_VERSION_HASH of the environment
    into           a job's directory, in which the link `dataset` is made; it protects the dataset for as long as it stands, also when this process has ended
    select         "auto", "annotated" or "all"; include and exclude are globs
    hold           seconds to protect it whatever happens to lease and link
    job_id         None for JOB_ID: all ranks of one job get one version of a dataset without a snapshot
    progress       called with a Progress while it is fetched, some times a second
    """
    node = node or Node()
    request = _request(source, dataset_id, version_hash, origin, select, include, exclude, allow_missing, refresh, hold, job_id)
    while True:
        lease = Lease(node, request, _get(node, request, progress))
        try:
            if into is None or _link(node, lease, into, request["jobId"]):
                return lease
        except BaseException:
            lease.release()
            raise
        # It ran out before the link was registered: once more, and it is a hit.
        lease.release()


def prefetch(source: Optional[Union[str, os.PathLike]] = None, *, dataset_id: Optional[str] = None, version_hash: Optional[str] = None, origin: Optional[str] = None,
             select: str = "auto", include: Sequence[str] = (), exclude: Sequence[str] = (), hold: Optional[float] = None,
             progress: Optional[Callable[[Progress], None]] = None, node: Optional[Node] = None) -> Mapping[str, Any]:
    """Has a dataset fetched that nobody uses yet; returns what the node says of it when it is there."""
    request = _request(source, dataset_id, version_hash, origin, select, include, exclude, False, False, hold, None)
    return _get(node or Node(), {**request, "prefetch": True}, progress)


def release(into: Union[str, os.PathLike], node: Optional[Node] = None) -> bool:
    """Removes a job's link, which then protects nothing any more. False where there was none."""
    node, link = node or Node(), os.path.join(os.path.abspath(os.fspath(into)), "dataset")
    if os.path.lexists(link):
        if not os.path.islink(link):
            raise DscacheError(f"{link} is no link. Nothing was removed.", "invalidArgument", "`dscache release` removes trees and copies.")
        os.unlink(link)
    status, _, raw = node.request("DELETE", "/v1/links?link=" + urllib.parse.quote(link, safe=""))
    if status >= 400 and status != 404:
        raise _problem(status, raw)
    return status != 404


def read(key: str, path: str, start: int = 0, length: Optional[int] = None, node: Optional[Node] = None) -> bytes:
    """Bytes [start, start + length) of one file, to its end where length is None; fewer where it ends before.

    key is a lease's cache_key; the dataset need not be complete to be read.
    """
    if start < 0 or (length is not None and length < 0):
        raise ValueError("start and length must not be negative")
    if length == 0:
        return b""
    headers = {} if start == 0 and length is None else {"Range": f"bytes={start}-{'' if length is None else start + length - 1}"}
    status, _, raw = (node or Node()).request("GET", f"/v1/datasets/{urllib.parse.quote(key, safe='')}/files/{urllib.parse.quote(path)}", headers=headers, wait=_PATIENCE)
    if status == 416:
        return b""
    if status >= 400:
        raise _problem(status, raw)
    return raw if status == 206 or not headers else raw[start:None if length is None else start + length]


def files(key: str, node: Optional[Node] = None) -> Iterator[Mapping[str, Any]]:
    """The files of a dataset, as {"path", "size", "etag"}, in their order."""
    node, after = node or Node(), ""
    while after is not None:
        page = node.call("GET", f"/v1/datasets/{urllib.parse.quote(key, safe='')}/files?after={urllib.parse.quote(after, safe='')}")
        yield from page["files"]
        after = page.get("next")


def status(node: Optional[Node] = None) -> Mapping[str, Any]:
    """What the node says of itself."""
    return (node or Node()).call("GET", "/v1/status")


def _request(source: Any, dataset_id: Optional[str], version_hash: Optional[str], origin: Optional[str], select: str, include: Sequence[str], exclude: Sequence[str],
             allow_missing: bool, refresh: bool, hold: Optional[float], job_id: Optional[str]) -> Dict[str, Any]:
    # As dscache understands its SOURCE.
    env, snapshot = os.environ, None
    source = None if source is None else os.fspath(source)
    if source is not None and ("/" in source or source.startswith(".") or (dataset_id is None and os.path.isdir(source))):
        if dataset_id is not None or origin is not None:
            raise DscacheError(f"'{source}' is a dataset itself, so dataset_id and origin make no sense beside it.", "invalidArgument")
        origin = source if "://" in source else os.path.abspath(source)
    else:
        snapshot = source or env.get("SNAPSHOT_ID")
        dataset_id, version_hash = dataset_id or env.get("DATASET_ID"), version_hash or env.get("DATASET_VERSION_HASH") or None
        if not snapshot:
            raise DscacheError("No dataset is named: source is missing and SNAPSHOT_ID is not set.", "invalidArgument")
        if not dataset_id:
            raise DscacheError(f"'{snapshot}' is taken for a snapshot id, but no dataset is named: dataset_id is missing and DATASET_ID is not set.", "invalidArgument",
                               f"If '{snapshot}' is meant to be a folder, write ./{snapshot}.")
    return {
        "dataset": {"origin": origin, "snapshotId": snapshot, "datasetId": dataset_id, "versionHash": version_hash, "select": select, "include": list(include), "exclude": list(exclude)},
        "allowMissing": allow_missing, "refresh": refresh, "hold": hold, "jobId": job_id or env.get("JOB_ID") or None, "prefetch": False, "wait": 0.2,
    }


def _get(node: Node, request: Mapping[str, Any], progress: Optional[Callable[[Progress], None]]) -> Mapping[str, Any]:
    ticket, beginnings = uuid.uuid4().hex, 0
    wait = _FOLLOW if progress is None else _FOLLOW_WITH_PROGRESS
    work = None
    try:
        while True:
            try:
                # The same ticket again is the same acquire: an answer that got lost is asked for again.
                work = node.call("POST", "/v1/acquire", {**request, "ticket": ticket}, wait=1) if work is None \
                    else node.call("GET", f"/v1/acquisitions/{ticket}?wait={wait}", wait=wait)
            except DscacheError as e:
                beginnings += 1
                if e.code != "unknownTicket" or beginnings > _BEGINNINGS:
                    raise
                # The node stops, or was started anew: what has arrived is in its journal.
                time.sleep(_PAUSE)
                ticket, work = uuid.uuid4().hex, None
                continue
            now = work.get("progress")
            if now and progress is not None:
                progress(Progress(now["phase"], now["cacheKey"], now["filesDone"], now["filesTotal"], now["bytesDone"], now["bytesTotal"], now["bytesFromOrigin"]))
            if work["state"] == "done":
                return work["dataset"]
    except BaseException as e:
        if not isinstance(e, DscacheError):
            # Interrupted: nobody waits for it any more.
            _forget(node, "/v1/acquisitions/" + ticket)
        raise


def _link(node: Node, lease: Lease, into: Union[str, os.PathLike], job_id: Optional[str]) -> bool:
    directory = os.path.abspath(os.fspath(into))
    link, target = os.path.join(directory, "dataset"), str(lease.snapshot_path)
    root = os.path.dirname(os.path.dirname(target))
    if directory == root or directory.startswith(root + os.sep):
        raise DscacheError(f"The job directory {directory} lies inside the cache root {root}.", "invalidArgument", "Choose a directory outside the cache.")
    os.makedirs(directory, exist_ok=True)
    if os.path.lexists(link) and not os.path.islink(link):
        raise DscacheError(f"{link} is {'a real directory' if os.path.isdir(link) else 'a file'}, not a link. Nothing was deleted.", "invalidArgument",
                           "Move it away, or choose another job directory.")
    if not os.path.islink(link) or os.readlink(link) != target:
        temporary = os.path.join(directory, f".dscache-{os.getpid():x}-{threading.get_ident():x}.tmp")
        if os.path.lexists(temporary):
            os.unlink(temporary)
        os.symlink(target, temporary)
        os.replace(temporary, link)
    try:
        answer = node.call("POST", "/v1/links", {"link": link, "mode": "symlink", "lease": lease.id, "jobId": job_id})
    except DscacheError as e:
        if e.code == "unknownLease":
            return False
        raise
    if answer["outcome"] != "registered":
        _log.warning("The node does not see %s (another view of the disk?): it protects nothing, the lease alone does.", link)
    lease.path = Path(link)
    return True


def _forget(node: Node, target: str) -> None:
    try:
        node.request("DELETE", target, patience=0)
    except DscacheError:
        pass  # The node forgets by itself.


def _problem(status: int, raw: bytes) -> DscacheError:
    try:
        problem = json.loads(raw)
        return DscacheError(problem["message"], problem["code"], problem.get("advice"), problem.get("isTransient", False), status)
    except (ValueError, KeyError, TypeError):
        return DscacheError(f"The node answered {status}: {raw[:200]!r}", status=status)


def _default_root() -> str:
    env = os.environ
    if env.get("DSCACHE_ROOT"):
        return env["DSCACHE_ROOT"]
    home, xdg = env.get("HOME"), env.get("XDG_CONFIG_HOME")
    places = [env["DSCACHE_CONFIG"]] if env.get("DSCACHE_CONFIG") else [
        "dscache.json",
        os.path.join(xdg, "dscache/dscache.json") if xdg and os.path.isabs(xdg) else os.path.join(home or "/", ".config/dscache/dscache.json"),
        "/etc/dscache/dscache.json",
    ]
    for place in places:
        root = _root_in(place)
        if root:
            return root
    if env.get("XDG_CACHE_HOME"):
        return os.path.join(env["XDG_CACHE_HOME"], "dscache")
    if not home:
        raise NodeNotFoundError("The cache root is not known: looked for DSCACHE_ROOT, dscache.json, XDG_CACHE_HOME and HOME.", "Set DSCACHE_ROOT.")
    return os.path.join(home, ".cache/dscache")


def _root_in(place: str) -> Optional[str]:
    try:
        with open(place, encoding="utf-8-sig") as file:
            text = file.read()
    except OSError:
        return None
    # As dscache reads it: with comments and commas at the end.
    text = re.sub(r'("(?:\\.|[^"\\])*")|//[^\n]*|/\*.*?\*/', lambda match: match.group(1) or " ", text, flags=re.S)
    text = re.sub(r'("(?:\\.|[^"\\])*")|,(?=\s*[}\]])', lambda match: match.group(1) or "", text)
    try:
        root = json.loads(text or "{}").get("cache", {}).get("root")
    except (ValueError, AttributeError):
        raise NodeNotFoundError(f"{place} is no JSON object that dscache reads.", "`dscache config` says what is wrong with it.") from None
    return root or None
