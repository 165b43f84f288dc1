// The page of one dataset.

import * as actions from './actions.js';
import { Problem, datasetPath, get } from './api.js';
import { byId, el, setAttribute, setClass, setHidden, setShare, setText, setTime, time } from './dom.js';
import { Feed } from './feed.js';
import { compareNames, count, none, percent, relative, size } from './format.js';
import { session } from './session.js';

const key = new URLSearchParams(location.search).get('key') ?? '';
const path = `/v1/datasets/${encodeURIComponent(key)}`;
const filesPage = 200;
const slow = 5000;

let known = { canOperate: false };
let cluster = { self: '', nodes: [], holders: [] };
let entry = null;
/** The node that the facts are of: this one if it has the dataset, else one that has. */
let source = '';
let slowAt = 0;
let filesNext = null;
let filesOf = null;
let feed = null;
const lines = new Map();

setText(byId('key'), key);
document.title = `${key} · DatasetCache`;

async function read() {
  await readReplicas();
  if (Date.now() - slowAt < slow) return;
  slowAt = Date.now();
  await readEntry();
  showEntry();
  showHistory(await orNull(get(`${path}/history?limit=200`)));
  const wanted = entry ? `${source} ${entry.manifestDigest}` : null;
  if (filesOf !== wanted) await restartFiles(wanted);
}

// Any node that has it whole knows it; one that does not answer is passed over. While nobody has it, this node may be fetching it.
async function readEntry() {
  const whole = [...cluster.holders.values()].filter((one) => one.state !== 'downloading').map((one) => one.node).sort(compareNames);
  const first = [cluster.self, source].filter((node) => whole.includes(node));
  for (const node of new Set([...first, ...whole, cluster.self])) {
    try {
      entry = await orNull(get(datasetPath(cluster.self, node, key)));
    } catch (error) {
      if (node === cluster.self || !(error instanceof Problem) || error.status < 500) throw error;
      entry = null;
    }
    source = node;
    if (entry) return;
  }
}

/** What the node does not know is no failure of the page. */
async function orNull(answer) {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof Problem && error.status === 404) return null;
    throw error;
  }
}

function refresh() {
  slowAt = 0;
  feed.now();
}

// Its own line of the matrix.
async function readReplicas() {
  const document = await get(`/v1/cluster?key=${encodeURIComponent(key)}`);
  // Nodes may hold different things under one key.
  const rows = document.datasets;
  const dataset = rows.find((one) => one.digest === entry?.manifestDigest) ?? rows[0];
  const holders = new Map(rows.flatMap((row) => row.holders.map((holder) => [holder.node, { ...holder, other: row.digest !== dataset.digest ? row.digest : null }])));
  for (const node of document.nodes) {
    const work = (node.working ?? []).find((one) => one.cacheKey === key);
    if (work) holders.set(node.node, { ...holders.get(node.node), ...work, node: node.node, state: 'downloading' });
  }
  cluster = { self: document.self, nodes: document.nodes.map((node) => node.node).sort(compareNames), dataset, holders };
  showReplicas();
}

function showReplicas() {
  const holders = [...cluster.holders.values()].sort((a, b) => compareNames(a.node, b.node));
  for (const [node, line] of lines) {
    if (cluster.holders.has(node)) continue;
    line.row.remove();
    lines.delete(node);
  }
  holders.forEach((one, index) => {
    if (!lines.has(one.node)) lines.set(one.node, newLine());
    const line = lines.get(one.node);
    fill(line, one);
    if (byId('replicas').children[index] !== line.row) byId('replicas').insertBefore(line.row, byId('replicas').children[index] ?? null);
  });
  const ready = holders.filter((holder) => holder.state === 'ready').length;
  const moving = holders.filter((holder) => holder.state === 'downloading').length;
  setText(byId('state'), [`${ready} of ${cluster.nodes.length} nodes`, moving > 0 ? `on its way to ${moving}` : ''].filter(Boolean).join(', '));
  setHidden(byId('no-replicas'), holders.length > 0);
  showActions(holders.filter((holder) => holder.state !== 'downloading').map((holder) => holder.node));
}

function newLine() {
  const cells = Object.fromEntries(['node', 'state', 'progress', 'leases', 'pin', 'priority', 'used', 'expires', 'acts']
    .map((name) => [name, el(name === 'node' ? 'th' : 'td', { className: name === 'leases' ? 'number' : name, scope: name === 'node' ? 'row' : null })]));
  cells.progress.append(el('span', { className: 'text' }), el('span', { className: 'bar', 'aria-hidden': 'true' }));
  return { row: el('tr', {}, ...Object.values(cells)), cells, made: '' };
}

function fill(line, part) {
  const { cells } = line;
  const total = part.bytesTotal ?? cluster.dataset?.bytes;
  setText(cells.node, part.node);
  setText(cells.state, (part.state === 'downloading' && part.phase ? part.phase : part.state) + (part.other ? ', another version' : ''));
  setAttribute(cells.state, 'title', part.other ? `manifest ${part.other}` : null);
  setClass(cells.state, `state ${part.state}`);
  const [text, bar] = cells.progress.children;
  const done = part.state === 'ready' ? total : part.bytesDone;
  setText(text, part.state === 'downloading' ? `${percent(done, total)} of ${size(total)}` : size(done));
  setShare(bar, done / total);
  setClass(bar, part.state === 'downloading' ? 'bar moving' : 'bar');
  setText(cells.leases, part.leases > 0 ? count(part.leases) : none);
  setText(cells.pin, part.isPinned ? 'pinned' : none);
  setText(cells.priority, part.priority ?? none);
  for (const [cell, at] of [[cells.used, part.lastUsedAt], [cells.expires, part.expiresAt]]) {
    if (at) setTime(cell, at);
    else setText(cell, none);
  }
  const wanted = known.canOperate && part.state !== 'downloading' ? `acts ${part.isPinned} ${part.priority}` : '';
  if (line.made === wanted) return;
  line.made = wanted;
  const target = { self: cluster.self, key, nodes: [part.node], done: refresh };
  const isPinned = part.isPinned === true;
  cells.acts.replaceChildren(...(wanted ? [
    actions.button('Verify…', () => actions.verify(target), { 'aria-label': `Verify on ${part.node}` }),
    actions.button(isPinned ? 'Unpin…' : 'Pin…', () => actions.pin(target, isPinned), { 'aria-label': `${isPinned ? 'Unpin' : 'Pin'} on ${part.node}` }),
    actions.button('Priority…', () => actions.priority(target, part.priority), { 'aria-label': `Priority on ${part.node}` }),
    actions.button('Evict…', () => actions.evict(target), { 'aria-label': `Evict from ${part.node}`, className: 'danger' }),
  ] : []));
}

let actionsMade = '';
function showActions(nodes) {
  const place = byId('actions');
  setHidden(place, !known.canOperate);
  const others = cluster.nodes.filter((node) => !cluster.holders.has(node));
  const wanted = JSON.stringify([known.canOperate, nodes, others, entry === null]);
  if (wanted === actionsMade) return;
  actionsMade = wanted;
  const target = { self: cluster.self, key, nodes, done: refresh };
  const made = [];
  if (others.length > 0 && entry) made.push(actions.button('Warm on other nodes…', () => actions.warm({ self: cluster.self, dataset: wishFor(entry), nodes: others, all: others, done: refresh })));
  if (nodes.length > 1) {
    made.push(
      actions.button('Verify all…', () => actions.verify(target)),
      actions.button('Pin all…', () => actions.pin(target, false)),
      actions.button('Priority of all…', () => actions.priority(target)),
      actions.button('Evict all…', () => actions.evict(target), { className: 'danger' }));
  }
  place.replaceChildren(...made);
}

/** What to ask for to get the same version. */
function wishFor(dataset) {
  const wish = dataset.datasetId
    ? { origin: dataset.origin, datasetId: dataset.datasetId }
    : { origin: dataset.datasetPrefix ? `${dataset.origin.replace(/\/$/, '')}/${dataset.datasetPrefix.replace(/^\/|\/$/g, '')}` : dataset.origin };
  if (dataset.snapshotId) wish.snapshotId = dataset.snapshotId;
  if (dataset.versionHash) wish.versionHash = dataset.versionHash;
  // A mode, then +globs and -globs.
  const [select, ...globs] = (dataset.selection ?? 'auto').split(/ (?=[+-])/);
  wish.select = select;
  for (const [name, sign] of [['include', '+'], ['exclude', '-']]) {
    const those = globs.filter((glob) => glob.startsWith(sign)).map((glob) => glob.slice(1));
    if (those.length > 0) wish[name] = those;
  }
  return wish;
}

function showEntry() {
  const facts = entry ? [
    ['Source', entry.datasetPrefix ? `${entry.origin.replace(/\/$/, '')}/${entry.datasetPrefix.replace(/^\/|\/$/g, '')}` : entry.origin],
    ['Dataset', entry.datasetId],
    ['Snapshot', entry.snapshotId ?? 'none: whatever the origin lists'],
    ['Version hash', entry.versionHash],
    ['Selection', entry.selectionReason ? `${entry.selection} (${entry.selectionReason})` : entry.selection],
    ['Manifest', entry.manifestDigest],
    ['Size', `${size(entry.bytes)}, ${count(entry.files)} files${entry.missingCount > 0 ? `, ${count(entry.missingCount)} named but missing` : ''}`],
    [`On ${source}`, entry.ownBytes ? `${size(entry.ownBytes)} of its disk` : null],
    ['Path there', entry.path],
    ['Published', entry.publishedAt && time(entry.publishedAt)],
    ['Used there', entry.lastUsedAt && [time(entry.lastUsedAt), entry.uses === 1 ? ', once in all' : `, ${count(entry.uses)} times in all`]],
  ] : [
    ['Source', cluster.dataset?.origin && [cluster.dataset.origin, cluster.dataset.prefix].filter(Boolean).join('/')],
    ['Dataset', cluster.dataset?.datasetId],
    ['Snapshot', cluster.dataset?.snapshotId],
    ['Manifest', cluster.dataset?.digest],
    ['Size', cluster.dataset && `${size(cluster.dataset.bytes)}, ${count(cluster.dataset.files)} files`],
    ['Whole copies', 'none that answers'],
  ];
  byId('facts').replaceChildren(...facts.filter(([, value]) => value != null && value !== '').flatMap(([name, value]) => [el('dt', {}, name), el('dd', {}, ...[value].flat())]));
  showKept();
}

function showKept() {
  setText(byId('keep-on'), entry ? `on ${source}` : '');
  if (!entry) {
    byId('keep').replaceChildren(el('p', { className: 'nothing' }, 'Nothing: no node that answers has it whole.'));
    return;
  }
  const reasons = (entry.protections ?? entry.protectedBy ?? []).map((one) => (typeof one === 'string' ? { reason: one } : one));
  const parts = [];
  if (entry.broken) parts.push(el('p', { className: 'wrong' }, `Broken: ${entry.broken}. Nobody new gets it until it is healed.`));
  parts.push(reasons.length > 0
    ? el('ul', { className: 'reasons' }, ...reasons.map(({ reason, until }) => el('li', {}, reason, until ? el('span', { className: 'dim' }, ' until ', time(until)) : null)))
    : el('p', {}, 'Nothing protects it: it may go when its space is needed.'));
  const facts = [];
  if (entry.expiresAt) {
    const isPast = Date.parse(entry.expiresAt) < Date.now();
    facts.push(el('dt', {}, isPast ? 'Expired' : 'Expires'), el('dd', {}, time(entry.expiresAt), isPast ? ': it goes before all that have not' : ', if nobody uses it again'));
  }
  if (entry.priority) facts.push(el('dt', {}, 'Priority'), el('dd', {}, entry.priority));
  if (entry.freeableBytes != null) facts.push(el('dt', {}, 'Would free'), el('dd', {}, size(entry.freeableBytes)));
  byId('keep').replaceChildren(...parts, el('dl', { className: 'facts' }, ...facts));
}

/** As people write sizes; of what nothing came from nothing is said. */
function detailOf({ detail }) {
  return (detail ?? '').replace(/, 0 bytes (from [a-z ]+|were here)/g, '').replace(/\b\d+(?= bytes\b)/g, (bytes) => size(Number(bytes))).replace(/(\u00a0[kMGTPE]?B) bytes\b/g, '$1');
}

let historyShown = '';
function showHistory(document) {
  const events = document?.events ?? [];
  setHidden(byId('no-history'), events.length > 0);
  const marks = JSON.stringify(events);
  if (marks !== historyShown) {
    historyShown = marks;
    byId('history').replaceChildren(...events.map((event) => el('tr', {}, el('td', { className: 'when' }, time(event.at)), el('td', { className: `event ${/^[a-z]+$/i.test(event.event) ? event.event : ''}` }, event.event),
      el('td', {}, event.node ?? none), el('td', { className: 'why' }, detailOf(event)))));
  } else {
    for (const at of byId('history').querySelectorAll('time')) setText(at, relative(at.dateTime));
  }
}

async function restartFiles(wanted) {
  filesOf = wanted;
  filesNext = null;
  byId('files').replaceChildren();
  await moreFiles();
}

async function moreFiles() {
  const document = filesOf && await orNull(get(`${datasetPath(cluster.self, source, key)}/files?limit=${filesPage}${filesNext === null ? '' : `&after=${encodeURIComponent(filesNext)}`}`));
  byId('files').append(...(document?.files ?? []).map((file) => el('tr', {}, el('td', { className: 'path' }, linkTo(file)),
    el('td', { className: 'number', title: `${count(file.size)} bytes` }, size(file.size)), el('td', { className: 'etag' }, file.etag ?? none))));
  filesNext = document?.next ?? null;
  setHidden(byId('more-files'), filesNext === null);
  const shown = byId('files').childElementCount;
  setText(byId('files-shown'), filesNext === null ? count(shown) : `${count(shown)} of ${count(entry?.files)}`);
  setHidden(byId('no-files'), shown > 0);
  setText(byId('no-files'), 'No node that answers has it whole.');
}

// What this node does not hold it does not serve.
function linkTo(file) {
  if (source !== cluster.self) return file.path;
  return el('a', { href: `${path}/files/${file.path.split('/').map(encodeURIComponent).join('/')}` }, file.path);
}

byId('more-files').addEventListener('click', async () => {
  byId('more-files').disabled = true;
  try {
    await moreFiles();
  } catch (error) {
    actions.sayProblem(error);
  }
  byId('more-files').disabled = false;
});

if (key === '') {
  byId('key').textContent = 'No dataset is named';
  setAttribute(byId('connection'), 'hidden', '');
} else {
  feed = new Feed(read);
  known = await session();
  if (cluster.self) showReplicas();
}
