// The page of the whole cluster.

import * as actions from './actions.js';
import { get, pageOf } from './api.js';
import { HistoryCharts, RateChart, span } from './charts.js';
import { byId, el, setHidden, setText } from './dom.js';
import { Feed } from './feed.js';
import { count, exact, relative, size } from './format.js';
import { Matrix, sourceOf, wordsOf } from './matrix.js';
import { Cluster, select } from './model.js';
import { NodeTable, healthOf } from './nodes.js';
import { session } from './session.js';

const cluster = new Cluster();
const view = { text: '', show: 'all', node: '', sort: 'key', descending: false };
const table = new NodeTable(byId('nodes'));
const matrix = new Matrix(byId('grid'), cluster, { open, sort });
const history = new HistoryCharts(byId('hit-rate'), byId('bytes'));
const rates = new RateChart(byId('rates'));
const statisticsEvery = 10_000;
let statisticsAt = 0;
let feed = null;
const viewer = session();
let choices = [];

byId('search').addEventListener('input', (event) => {
  view.text = event.target.value;
  show();
});
byId('show').addEventListener('change', (event) => {
  view.show = event.target.value;
  show();
});
byId('on-node').addEventListener('change', (event) => {
  view.node = event.target.value;
  show();
});
byId('warm').addEventListener('click', () => actions.warm({ self: cluster.self, nodes: [cluster.self], all: cluster.names, done: refresh }));
document.addEventListener('keydown', (event) => {
  if (event.key === '/' && !event.ctrlKey && !event.metaKey && !event.target.closest('input, select, dialog')) {
    event.preventDefault();
    byId('search').focus();
  }
});

function sort(by) {
  view.descending = view.sort === by ? !view.descending : !['key', 'expires'].includes(by);
  view.sort = by;
  show();
}

function show() {
  const rows = select(cluster, view);
  matrix.show(rows, view);
  const all = cluster.rows.size;
  const more = cluster.isWhole ? '' : ' so far';
  setText(byId('shown'), rows.length === all ? `${count(all)}${more}` : `${count(rows.length)} of ${count(all)}${more}`);
  setHidden(byId('no-datasets'), rows.length > 0);
  setText(byId('no-datasets'), all === 0 ? (cluster.isWhole ? 'No dataset is cached yet.' : '') : 'No dataset is like that.');
}

function showNodes() {
  table.show(cluster.nodes, cluster.self);
  const alive = cluster.nodes.filter((node) => node.isAlive);
  const sum = (name) => alive.reduce((total, node) => total + (node[name] ?? 0), 0);
  const ill = cluster.nodes.filter((node) => healthOf(node).rank < 3).length;
  setText(byId('sum-nodes'), alive.length === cluster.nodes.length ? count(alive.length) : `${alive.length}/${cluster.nodes.length}`);
  byId('sum-nodes').classList.toggle('wrong', ill > 0);
  setText(byId('sum-used'), size(sum('used')));
  setText(byId('sum-quota'), size(sum('quota')));
  setText(byId('sum-leases'), count(sum('leases')));
  setText(byId('sum-moving'), count(alive.reduce((total, node) => total + (node.working?.length ?? 0), 0)));
  setText(byId('sum-datasets'), cluster.isWhole ? count(cluster.rows.size) : `${count(cluster.rows.size)}+`);
  rates.show(alive);
  if (choices !== cluster.names) {
    choices = cluster.names;
    const chosen = byId('on-node');
    chosen.replaceChildren(el('option', { value: '' }, 'Any node'), ...choices.map((name) => el('option', { value: name }, name)));
    if (!choices.includes(view.node)) view.node = '';
    chosen.value = view.node;
  }
}

async function open(row, node) {
  const { canOperate } = await viewer;
  const part = cluster.part(row, node);
  const done = refresh;
  const act = (action, ...more) => action({ self: cluster.self, key: row.key, nodes: [node], done }, ...more);
  const fact = (name, value, title) => (value == null ? [] : [el('dt', {}, name), el('dd', { title: title ?? null }, value)]);
  const buttons = el('p', { className: 'buttons spread' }, el('a', { className: 'button', href: pageOf(row.key), autofocus: true }, 'Open dataset'));
  if (canOperate && part && part.state !== 'downloading') {
    buttons.append(
      actions.button('Verify…', () => act(actions.verify)),
      actions.button(part.isPinned ? 'Unpin…' : 'Pin…', () => act(actions.pin, part.isPinned)),
      actions.button('Priority…', () => act(actions.priority, part.priority)),
      actions.button('Evict…', () => act(actions.evict), { className: 'danger' }));
  }
  buttons.append(actions.button('Close', (event) => event.target.closest('dialog').close()));
  actions.open(`${row.key} on ${node}`,
    el('dl', { className: 'facts' },
      ...fact('State', part ? wordsOf({ ...part, expiresAt: null }, row) : 'not here'),
      ...fact('Source', sourceOf(row.dataset).split('\n')[0] || null),
      ...fact('Size', row.dataset.bytes == null ? null : `${size(row.dataset.bytes)}, ${count(row.dataset.files)} files`),
      ...fact('Last used', part?.lastUsedAt ? relative(part.lastUsedAt) : null, exact(part?.lastUsedAt)),
      ...fact('Expires', part?.expiresAt ? `${relative(part.expiresAt)}, if nobody uses it again` : null, exact(part?.expiresAt))),
    buttons);
}

function refresh() {
  cluster.restart();
  feed.now();
}

async function read() {
  await cluster.read();
  showNodes();
  show();
  // The rest of the first time, page by page, between what else the browser does.
  while (!cluster.isWhole) {
    await new Promise((resolve) => setTimeout(resolve));
    await cluster.read();
    show();
  }
  if (Date.now() - statisticsAt > statisticsEvery) {
    statisticsAt = Date.now();
    const [from, to] = span();
    showHistory(await get(`/v1/statistics?scope=cluster&from=${from}&to=${to}`));
  }
}

/** And whose figures they are. */
function showHistory(statistics) {
  const { nodes, silent } = statistics;
  const all = nodes.length + silent.length;
  const whose = all === 1 ? nodes[0] ?? silent[0] : silent.length === 0 ? `all ${all} nodes` : `${nodes.length} of ${all} nodes`;
  for (const place of document.querySelectorAll('.charts .whose')) setText(place, whose);
  setHidden(byId('silent'), silent.length === 0);
  setText(byId('silent'), silent.length === 0 ? '' : `Without ${actions.list(silent)}: no answer.`);
  history.show(statistics);
}

feed = new Feed(read);
setHidden(byId('warm'), !(await viewer).canOperate);
