// The nodes, a line each.

import { el, setAttribute, setClass, setShare, setText } from './dom.js';
import { compareNames, count, duration, none, percent, rate, size } from './format.js';

const columns = [
  { name: 'node', title: 'Node', sort: (node) => node.node },
  { name: 'health', title: 'Health', sort: (node) => healthOf(node).rank },
  { name: 'disk', title: 'Cache', hint: 'Of the quota', sort: (node) => node.used / node.quota },
  { name: 'free', title: 'Disk free', sort: (node) => node.diskFree },
  { name: 'memory', title: 'Memory tier', hint: 'Of its limit', sort: (node) => node.memoryUsed },
  { name: 'entries', title: 'Datasets', sort: (node) => node.entries },
  { name: 'leases', title: 'Leases', sort: (node) => node.leases },
  { name: 'origin', title: 'Origin', hint: 'Read from the origin', sort: (node) => node.rates?.originBytes },
  { name: 'in', title: 'Peers in', hint: 'Read from other nodes', sort: (node) => node.rates?.peerBytesIn },
  { name: 'out', title: 'Peers out', hint: 'Given to other nodes', sort: (node) => node.rates?.peerBytesOut },
  { name: 'served', title: 'From memory', hint: 'Files served from memory', sort: (node) => node.rates?.memoryBytes },
  { name: 'working', title: 'On its way', sort: (node) => node.working?.length },
  { name: 'uptime', title: 'Up', sort: (node) => node.uptimeSeconds },
  { name: 'version', title: 'Version', hint: 'Shown while nodes run different ones', sort: (node) => node.version },
];

export function healthOf(node) {
  if (!node.isAlive) return { rank: 0, name: 'bad', text: node.status && node.status !== 'Active' ? node.status.toLowerCase() : 'not answering' };
  if (node.status && node.status !== 'Active') return { rank: 1, name: 'warn', text: node.status.toLowerCase() };
  if (node.quota > 0 && node.used >= node.quota * 0.98) return { rank: 2, name: 'warn', text: 'full' };
  return { rank: 3, name: 'good', text: 'ready' };
}

export class NodeTable {
  #head;
  #body;
  #lines = new Map();
  #sort = 'node';
  #descending = false;
  #nodes = [];

  #table;

  constructor(table) {
    this.#table = table;
    this.#head = el('tr');
    for (const column of columns) {
      const button = el('button', { type: 'button', title: column.hint ?? null, onclick: () => this.#by(column.name) }, column.title);
      this.#head.append(el('th', { className: column.name, scope: 'col', 'data-sort': column.name }, button));
    }
    this.#body = el('tbody');
    table.append(el('thead', {}, this.#head), this.#body);
  }

  show(nodes, self) {
    this.#nodes = nodes;
    // While a cluster is upgraded, nodes run different versions; else one is enough, in the page's head.
    this.#table.classList.toggle('mixed', new Set(nodes.map((node) => node.version).filter(Boolean)).size > 1);
    const names = new Set(nodes.map((node) => node.node));
    for (const [name, line] of this.#lines) {
      if (names.has(name)) continue;
      line.row.remove();
      this.#lines.delete(name);
    }
    for (const node of nodes) {
      if (!this.#lines.has(node.node)) this.#lines.set(node.node, newLine());
      fill(this.#lines.get(node.node), node, self);
    }
    this.#order();
  }

  #by(name) {
    this.#descending = this.#sort === name ? !this.#descending : !['node', 'health', 'version'].includes(name);
    this.#sort = name;
    this.#order();
  }

  #order() {
    const { sort } = columns.find((column) => column.name === this.#sort);
    const sign = this.#descending ? -1 : 1;
    const by = (a, b) => (typeof a === 'string' || typeof b === 'string' ? compareNames(a ?? '', b ?? '') : (a ?? -1) - (b ?? -1));
    const ordered = [...this.#nodes].sort((a, b) => sign * by(sort(a), sort(b)) || compareNames(a.node, b.node));
    ordered.forEach((node, index) => {
      const { row } = this.#lines.get(node.node);
      if (this.#body.children[index] !== row) this.#body.insertBefore(row, this.#body.children[index] ?? null);
    });
    for (const head of this.#head.children) setAttribute(head, 'aria-sort', head.dataset.sort === this.#sort ? (this.#descending ? 'descending' : 'ascending') : null);
  }
}

function newLine() {
  const cells = Object.fromEntries(columns.map(({ name }) => [name, el(name === 'node' ? 'th' : 'td', { className: name, scope: name === 'node' ? 'row' : null })]));
  const health = el('span', {});
  cells.health.append(health);
  for (const name of ['disk', 'memory']) cells[name].append(el('span', { className: 'text' }), el('span', { className: 'bar', 'aria-hidden': 'true' }));
  return { row: el('tr', {}, ...Object.values(cells)), cells, health };
}

function fill({ row, cells, health }, node, self) {
  const state = healthOf(node);
  setClass(row, node.isAlive ? '' : 'gone');
  setText(cells.node, node.node);
  setAttribute(cells.node, 'title', [node.address, node.node === self ? 'this page comes from it' : '', node.version ? `version ${node.version}` : ''].filter(Boolean).join(', ') || null);
  setClass(cells.node, node.node === self ? 'node self' : 'node');
  setClass(health, `health ${state.name}`);
  setText(health, state.text);
  meter(cells.disk, node.used, node.quota, true);
  setText(cells.free, size(node.diskFree));
  meter(cells.memory, node.memoryUsed, node.memoryLimit, false);
  setText(cells.entries, count(node.entries));
  setText(cells.leases, node.leases > 0 ? count(node.leases) : none);
  setText(cells.origin, rate(node.rates?.originBytes));
  setText(cells.in, rate(node.rates?.peerBytesIn));
  setText(cells.out, rate(node.rates?.peerBytesOut));
  setText(cells.served, rate(node.rates?.memoryBytes));
  setText(cells.working, workOf(node));
  setText(cells.uptime, duration(node.uptimeSeconds));
  setText(cells.version, node.version ?? none);
}

function meter(cell, used, limit, whole) {
  const [text, bar] = cell.children;
  const of = limit > 0 ? `${size(used)} of ${size(limit)}` : size(used);
  setText(text, whole ? of : size(used));
  setAttribute(cell, 'title', used == null ? null : of);
  const share = limit > 0 ? used / limit : 0;
  setClass(bar, share >= 0.98 ? 'bar full' : share >= 0.9 ? 'bar high' : 'bar');
  setShare(bar, share);
}

function workOf(node) {
  const working = node.working ?? [];
  if (working.length === 0) return none;
  const done = working.reduce((sum, work) => sum + (work.bytesDone ?? 0), 0);
  const total = working.reduce((sum, work) => sum + (work.bytesTotal ?? 0), 0);
  return total > 0 ? `${working.length} at ${percent(done, total)}` : String(working.length);
}
