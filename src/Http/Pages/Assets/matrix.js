// Datasets × nodes. Only the rows in sight are in the document, and of them only what changed is touched. One element has the keyboard's focus, the grid itself, and names the
// active cell, so that scrolling never takes the focus away.

import { pageOf } from './api.js';
import { el, setAttribute, setClass, setHidden, setShare, setText, setTime } from './dom.js';
import { count, duration, exact, percent, relative, size } from './format.js';
import { summary } from './model.js';

const rowHeight = 28;
const spare = 4;
/** Up to so many nodes a cell has room for words. */
const wideUpTo = 6;

const columns = [
  { name: 'key', title: 'Dataset', sort: 'key' },
  { name: 'size', title: 'Size', sort: 'size' },
  { name: 'files', title: 'Files', sort: 'files' },
  { name: 'copies', title: 'Copies', sort: 'copies' },
  { name: 'leases', title: 'Leases', sort: 'leases' },
  { name: 'expires', title: 'Expires', sort: 'expires' },
];

export class Matrix {
  #grid;
  #head;
  #body;
  #cluster;
  #rows = [];
  #slots = [];
  #names = [];
  #active = { row: 0, column: 0 };
  #frame = 0;
  #open;

  /** @param open Told (row, node) of a cell that somebody wants to act on. */
  constructor(grid, cluster, { open, sort }) {
    this.#grid = grid;
    this.#cluster = cluster;
    this.#open = open;
    this.#head = el('div', { className: 'row head', role: 'row' });
    this.#body = el('div', { className: 'rows', role: 'rowgroup' });
    grid.append(el('div', { className: 'heads', role: 'rowgroup' }, this.#head), this.#body);
    for (const column of columns) {
      const button = el('button', { type: 'button', onclick: () => sort(column.sort) }, column.title);
      this.#head.append(el('div', { className: `cell ${column.name}`, role: 'columnheader', 'data-sort': column.sort }, button));
    }
    grid.addEventListener('scroll', () => this.#later(), { passive: true });
    grid.addEventListener('keydown', (event) => this.#key(event));
    grid.addEventListener('focus', () => this.#activate(this.#active.row, this.#active.column, false));
    this.#body.addEventListener('click', (event) => this.#click(event));
    this.#body.addEventListener('pointerover', (event) => this.#hint(event));
    new ResizeObserver(() => this.#later()).observe(grid);
  }

  show(rows, { sort, descending }) {
    this.#rows = rows;
    if (this.#names !== this.#cluster.names) this.#columns();
    for (const head of this.#head.querySelectorAll('[data-sort]')) setAttribute(head, 'aria-sort', head.dataset.sort === sort ? (descending ? 'descending' : 'ascending') : null);
    const height = `${rows.length * rowHeight}px`;
    if (this.#body.style.height !== height) this.#body.style.height = height;
    setAttribute(this.#grid, 'aria-rowcount', String(rows.length + 1));
    this.#active.row = Math.max(0, Math.min(this.#active.row, rows.length - 1));
    this.#render();
  }

  #columns() {
    this.#names = this.#cluster.names;
    const wide = this.#names.length <= wideUpTo;
    this.#grid.classList.toggle('wide', wide);
    this.#grid.style.setProperty('--nodes', String(this.#names.length));
    setAttribute(this.#grid, 'aria-colcount', String(columns.length + this.#names.length));
    for (const old of this.#head.querySelectorAll('.node')) old.remove();
    for (const name of this.#names) this.#head.append(el('div', { className: 'cell node', role: 'columnheader', title: name }, el('span', {}, name)));
    this.#slots = [];
    this.#body.replaceChildren();
    this.#active.column = Math.min(this.#active.column, this.#names.length);
  }

  #later() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.#render();
    });
  }

  #render() {
    const first = Math.max(0, Math.floor(this.#grid.scrollTop / rowHeight) - spare);
    const room = Math.ceil(this.#grid.clientHeight / rowHeight) + 2 * spare;
    while (this.#slots.length < room) this.#slots.push(this.#slot());
    const last = Math.min(this.#rows.length, first + room);
    for (const slot of this.#slots) {
      if (slot.index >= last || slot.index < first) this.#hide(slot);
    }
    for (let index = first; index < last; index++) this.#fill(this.#slots[index % this.#slots.length], index);
    this.#mark();
  }

  #slot() {
    const element = el('div', { className: 'row', role: 'row', hidden: true });
    const link = el('a', { tabIndex: -1 });
    const source = el('span', { className: 'source' });
    const fixed = Object.fromEntries(columns.map(({ name }) => [name, el('div', { className: `cell ${name}`, role: name === 'key' ? 'rowheader' : 'gridcell' })]));
    fixed.key.append(link, source);
    const cells = this.#names.map((_, index) => el('div', { className: 'cell node', role: 'gridcell', 'data-column': index }, el('span', { className: 'part' })));
    element.append(...Object.values(fixed), ...cells);
    this.#body.append(element);
    return { element, link, source, fixed, cells, index: -1, key: null };
  }

  #hide(slot) {
    slot.index = -1;
    setHidden(slot.element, true);
  }

  #fill(slot, index) {
    const row = this.#rows[index];
    const { dataset } = row;
    if (slot.index !== index) {
      slot.index = index;
      slot.element.style.transform = `translateY(${index * rowHeight}px)`;
      slot.element.setAttribute('aria-rowindex', String(index + 2));
      slot.element.id = `row-${index}`;
      slot.fixed.key.id = `cell-${index}-0`;
      slot.cells.forEach((cell, column) => { cell.id = `cell-${index}-${column + 1}`; });
      setHidden(slot.element, false);
    }
    if (slot.key !== row.key) {
      slot.key = row.key;
      setText(slot.link, row.key);
      slot.link.href = pageOf(row.key);
    }
    setText(slot.source, dataset.datasetId ?? dataset.prefix ?? dataset.origin ?? '');
    setAttribute(slot.fixed.key, 'title', sourceOf(dataset));
    const all = summary(row);
    setText(slot.fixed.size, size(dataset.bytes));
    setText(slot.fixed.files, count(dataset.files));
    setText(slot.fixed.copies, `${all.copies}/${this.#names.length}`);
    setText(slot.fixed.leases, all.leases === 0 ? '' : count(all.leases));
    if (all.expires === Infinity) setText(slot.fixed.expires, '');
    else setTime(slot.fixed.expires, all.expires);
    setClass(slot.fixed.expires, all.expires < Date.now() ? 'cell expires past' : 'cell expires');
    this.#names.forEach((name, column) => this.#cell(slot.cells[column], row, name));
  }

  #cell(cell, row, name) {
    const part = this.#cluster.part(row, name);
    const mark = cell.firstChild;
    setClass(mark, classOf(part));
    if (part?.state === 'downloading') setShare(mark, part.bytesDone / (part.bytesTotal ?? row.dataset.bytes));
    const words = wordsOf(part, row);
    setAttribute(cell, 'aria-label', `${row.key} on ${name}: ${words}`);
    setText(mark, this.#names.length <= wideUpTo ? shortOf(part, row) : '');
  }

  #hint(event) {
    const cell = event.target.closest('.cell.node');
    if (!cell) return;
    const row = this.#rows[this.#indexOf(cell)];
    const name = this.#names[Number(cell.dataset.column)];
    const part = row && this.#cluster.part(row, name);
    setAttribute(cell, 'title', row ? `${name}: ${wordsOf(part, row)}${part?.expiresAt ? `\nexpires ${exact(part.expiresAt)}` : ''}${part?.lastUsedAt ? `\nlast used ${exact(part.lastUsedAt)}` : ''}` : null);
  }

  #indexOf(element) {
    return Number(element.closest('.row').getAttribute('aria-rowindex')) - 2;
  }

  #click(event) {
    const cell = event.target.closest('.cell.node');
    if (!cell) return;
    const index = this.#indexOf(cell);
    const column = Number(cell.dataset.column) + 1;
    this.#activate(index, column, false);
    this.#open(this.#rows[index], this.#names[column - 1]);
  }

  #key(event) {
    if (event.ctrlKey && !['Home', 'End'].includes(event.key) || event.altKey || event.metaKey || event.target !== this.#grid) return;
    const { row, column } = this.#active;
    const screen = Math.max(1, Math.floor(this.#grid.clientHeight / rowHeight) - 2);
    const moves = {
      ArrowDown: [row + 1, column],
      ArrowUp: [row - 1, column],
      ArrowRight: [row, column + 1],
      ArrowLeft: [row, column - 1],
      PageDown: [row + screen, column],
      PageUp: [row - screen, column],
      Home: event.ctrlKey ? [0, 0] : [row, 0],
      End: event.ctrlKey ? [this.#rows.length - 1, this.#names.length] : [row, this.#names.length],
    };
    if (event.key in moves) {
      this.#activate(...moves[event.key], true);
    } else if ((event.key === 'Enter' || event.key === ' ') && this.#rows[row]) {
      if (column === 0) location.assign(pageOf(this.#rows[row].key));
      else this.#open(this.#rows[row], this.#names[column - 1]);
    } else return;
    event.preventDefault();
  }

  #activate(row, column, scroll) {
    this.#active = { row: Math.max(0, Math.min(row, this.#rows.length - 1)), column: Math.max(0, Math.min(column, this.#names.length)) };
    if (scroll) {
      const top = this.#active.row * rowHeight;
      const height = this.#grid.clientHeight - this.#head.offsetHeight;
      if (top < this.#grid.scrollTop) this.#grid.scrollTop = top;
      else if (top + rowHeight > this.#grid.scrollTop + height) this.#grid.scrollTop = top + rowHeight - height;
      this.#render();
      document.getElementById(this.#activeId)?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
    }
    this.#mark();
  }

  get #activeId() {
    return `cell-${this.#active.row}-${this.#active.column}`;
  }

  #mark() {
    const id = this.#activeId;
    const cell = document.getElementById(id);
    for (const old of this.#body.querySelectorAll('.active')) if (old !== cell) old.classList.remove('active');
    if (cell && !cell.classList.contains('active')) cell.classList.add('active');
    setAttribute(this.#grid, 'aria-activedescendant', cell ? id : null);
  }
}

export function sourceOf(dataset) {
  const origin = (dataset.origin ?? '').replace(/\/$/, '');
  const prefix = (dataset.prefix ?? '').replace(/^\/|\/$/g, '');
  return [prefix ? `${origin}/${prefix}` : origin, dataset.snapshotId ? `snapshot ${dataset.snapshotId}` : ''].filter(Boolean).join('\n');
}

function classOf(part) {
  if (!part) return 'part';
  return `part ${part.state}${part.leases > 0 ? ' leased' : ''}${part.isPinned ? ' pinned' : ''}`;
}

/** For a reader of screens, and on hover. */
export function wordsOf(part, row) {
  if (!part) return 'not here';
  const words = [part.state];
  if (part.state === 'downloading') {
    const total = part.bytesTotal ?? row.dataset.bytes;
    words[0] = `${part.phase && part.phase !== 'downloading' ? part.phase : 'downloading'} ${percent(part.bytesDone, total)} (${size(part.bytesDone)} of ${size(total)})`;
  }
  if (part.leases > 0) words.push(part.leases === 1 ? '1 lease' : `${part.leases} leases`);
  if (part.isPinned) words.push('pinned');
  if (part.priority && part.priority !== 'normal') words.push(`${part.priority} priority`);
  if (part.expiresAt) words.push(`expires ${relative(part.expiresAt)}`);
  return words.join(', ').replaceAll('\u00a0', ' ');
}

function shortOf(part, row) {
  if (!part) return '';
  if (part.state === 'broken') return 'broken';
  if (part.state === 'downloading') return `${percent(part.bytesDone, part.bytesTotal ?? row.dataset.bytes)} of ${size(part.bytesTotal ?? row.dataset.bytes)}`;
  const words = [];
  if (part.leases > 0) words.push(part.leases === 1 ? '1 lease' : `${part.leases} leases`);
  if (part.isPinned) words.push('pinned');
  if (words.length === 0) words.push(part.expiresAt ? expiry(part.expiresAt) : 'ready');
  return words.join(', ');
}

function expiry(at) {
  const seconds = (Date.parse(at) - Date.now()) / 1000;
  return seconds > 0 ? `${duration(seconds)} left` : 'expired';
}
