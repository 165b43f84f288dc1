// What is known of the cluster: its nodes as of the last second, its datasets as of the last time their page was read.

import { get } from './api.js';
import { compareNames } from './format.js';

const firstPage = 100;
const page = 200;

export class Cluster {
  self = '';
  nodes = [];
  /** Columns of the matrix. */
  names = [];
  /** By cache key and manifest: { key, dataset, holders by node, text to search in }. Nodes that hold different things under one key are different rows. */
  rows = new Map();
  /** Whether every dataset was read once. */
  isWhole = false;
  #first = new Map();
  #working = new Map();
  #after = null;
  #cycle = 0;

  /** The nodes, and the next page of datasets; all of them where that takes one request. */
  async read() {
    const limit = this.rows.size === 0 ? firstPage : page;
    const from = this.#after;
    const document = await get(`/v1/cluster?limit=${limit}${from === null ? '' : `&after=${encodeURIComponent(from)}`}`);
    this.self = document.self;
    this.#nodes(document.nodes);
    for (const dataset of document.datasets) this.#put(dataset);
    this.#after = document.next ?? null;
    if (this.#after === null) {
      this.#forget();
      this.#cycle++;
      this.isWhole = true;
    }
  }

  /** From the first dataset on. */
  restart() {
    if (this.#after !== null) this.#cycle++;
    this.#after = null;
  }

  /** A node's part in a dataset: what it is doing now goes before what was read. */
  part(row, node) {
    const work = this.#working.get(row.key)?.get(node);
    const holder = row.holders.get(node);
    if (!work || (row.isOther && !holder)) return holder;
    return { ...holder, node, state: 'downloading', phase: work.phase, bytesDone: work.bytesDone, bytesTotal: work.bytesTotal, bytesFromOrigin: work.bytesFromOrigin };
  }

  /** Nodes where a dataset is on its way. */
  moving(row) {
    const nodes = new Set(row.isOther ? [] : this.#working.get(row.key)?.keys());
    for (const holder of row.holders.values()) if (holder.state === 'downloading') nodes.add(holder.node);
    return nodes.size;
  }

  #nodes(nodes) {
    this.nodes = nodes;
    const names = nodes.map((node) => node.node).sort(compareNames);
    if (names.join('\n') !== this.names.join('\n')) this.names = names;
    const before = this.#working;
    this.#working = new Map();
    for (const node of nodes) {
      for (const work of node.working ?? []) {
        if (!work.cacheKey) continue;
        if (!this.#working.has(work.cacheKey)) this.#working.set(work.cacheKey, new Map());
        this.#working.get(work.cacheKey).set(node.node, work);
        if (!this.#first.has(work.cacheKey)) this.#put({ cacheKey: work.cacheKey, digest: '', bytes: work.bytesTotal, holders: [] });
      }
    }
    this.#complete(before);
  }

  // A download that is no longer under way and had all its bytes is ready until its dataset is read again.
  #complete(before) {
    for (const [key, nodes] of before) {
      for (const [node, work] of nodes) {
        const row = this.#first.get(key);
        if (!row || this.#working.get(key)?.has(node) || row.holders.get(node)?.state === 'ready') continue;
        if (work.bytesTotal > 0 && work.bytesDone >= work.bytesTotal) row.holders.set(node, { node, state: 'ready', bytesDone: work.bytesDone, leases: 0 });
        else row.holders.delete(node);
      }
    }
  }

  #put(dataset) {
    const key = dataset.cacheKey;
    const id = idOf(dataset);
    const first = this.#first.get(key);
    const known = this.rows.get(id) ?? (first?.dataset.digest === '' ? first : undefined);
    const holders = new Map(dataset.holders.map((holder) => [holder.node, holder]));
    const text = [key, dataset.datasetId, dataset.snapshotId, dataset.prefix, dataset.origin].filter(Boolean).join('\n').toLowerCase();
    if (known) {
      // What was only known to be on its way has its manifest now.
      this.rows.delete(idOf(known.dataset));
      this.rows.set(id, Object.assign(known, { dataset, holders, text, cycle: this.#cycle }));
      return;
    }
    const row = { key, dataset, holders, text, cycle: this.#cycle, isOther: first !== undefined };
    this.rows.set(id, row);
    if (!first) this.#first.set(key, row);
  }

  #forget() {
    for (const [id, row] of this.rows) {
      if (row.cycle === this.#cycle || (!row.isOther && this.#working.has(row.key))) continue;
      this.rows.delete(id);
      if (this.#first.get(row.key) === row) this.#first.delete(row.key);
    }
  }
}

const idOf = (dataset) => `${dataset.cacheKey} ${dataset.digest}`;

/** What of a dataset's parts is shown as one number. */
export function summary(row) {
  let copies = 0;
  let leases = 0;
  let pins = 0;
  let broken = 0;
  let expires = Infinity;
  let used = 0;
  for (const holder of row.holders.values()) {
    if (holder.state === 'ready') copies++;
    if (holder.state === 'broken') broken++;
    leases += holder.leases ?? 0;
    if (holder.isPinned) pins++;
    const at = holder.expiresAt ? Date.parse(holder.expiresAt) : Infinity;
    if (at < expires) expires = at;
    const last = holder.lastUsedAt ? Date.parse(holder.lastUsedAt) : 0;
    if (last > used) used = last;
  }
  return { copies, leases, pins, broken, expires, used };
}

const orders = {
  key: (row) => row.key,
  size: (row) => row.dataset.bytes ?? 0,
  files: (row) => row.dataset.files ?? 0,
  copies: (row) => summary(row).copies,
  leases: (row) => summary(row).leases,
  expires: (row) => summary(row).expires,
  used: (row) => summary(row).used,
};

const shown = {
  all: () => true,
  moving: (row, cluster) => cluster.moving(row) > 0,
  leased: (row) => summary(row).leases > 0,
  pinned: (row) => summary(row).pins > 0,
  broken: (row) => summary(row).broken > 0,
  unused: (row) => summary(row).leases === 0 && summary(row).pins === 0,
};

/** The rows that are asked for, in the order that is asked for. */
export function select(cluster, { text, show, node, sort, descending }) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const rows = [];
  for (const row of cluster.rows.values()) {
    if (!shown[show](row, cluster)) continue;
    if (node && !cluster.part(row, node)) continue;
    if (words.every((word) => row.text.includes(word))) rows.push([orders[sort](row), row]);
  }
  const sign = descending ? -1 : 1;
  rows.sort(([a, one], [b, other]) => (a < b ? -sign : a > b ? sign : one.key < other.key ? -1 : 1));
  return rows.map(([, row]) => row);
}
