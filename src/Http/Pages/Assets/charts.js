// Three small charts, drawn anew only where their numbers changed.

import { setAttribute, setText } from './dom.js';
import { count, none, percent, rate, size } from './format.js';

const namespace = 'http://www.w3.org/2000/svg';
const width = 300;
const height = 64;

function svg(tag, attributes, text) {
  const node = document.createElementNS(namespace, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  if (text) node.append(text);
  return node;
}

class Chart {
  #place;
  #figure;
  #drawing;
  #from;
  #to;
  #top;
  #drawn = '';

  constructor(place) {
    this.#place = place;
    this.#figure = place.querySelector('.figure');
    this.#top = place.querySelector('.top');
    this.#from = place.querySelector('.from');
    this.#to = place.querySelector('.to');
    this.#drawing = place.querySelector('svg');
    this.#drawing.setAttribute('viewBox', `0 0 ${width} ${height}`);
    this.#drawing.setAttribute('preserveAspectRatio', 'none');
  }

  /** @param marks What tells whether it is drawn already. */
  draw({ figure, said, top, from, to, marks, shapes }) {
    setText(this.#figure, figure);
    setText(this.#top, top);
    setText(this.#from, from);
    setText(this.#to, to);
    setAttribute(this.#drawing, 'aria-label', said);
    if (marks === this.#drawn) return;
    this.#drawn = marks;
    this.#drawing.replaceChildren(svg('line', { class: 'base', x1: 0, x2: width, y1: height - 0.5, y2: height - 0.5 }), ...shapes());
    this.#place.classList.toggle('empty', marks === '');
  }
}

const day = 86_400_000;
const days = 30;

/** Every one of the last days, those without a record too. */
function calendar(statistics, now) {
  const known = new Map((statistics?.days ?? []).map((one) => [one.day, one.tally ?? one]));
  return Array.from({ length: days }, (_, index) => {
    const name = new Date(now - (days - 1 - index) * day).toISOString().slice(0, 10);
    return { name, tally: known.get(name) };
  });
}

export const span = (now = Date.now()) => [new Date(now - (days - 1) * day).toISOString().slice(0, 10), new Date(now).toISOString().slice(0, 10)];

/** Hits of requests by day, and what they saved. */
export class HistoryCharts {
  #rate;
  #bytes;

  constructor(rate, bytes) {
    this.#rate = new Chart(rate);
    this.#bytes = new Chart(bytes);
  }

  show(statistics) {
    const all = calendar(statistics, Date.now());
    const sum = (name) => all.reduce((total, { tally }) => total + (tally?.[name] ?? 0), 0);
    const [hits, misses, saved, origin] = ['hits', 'misses', 'bytesSaved', 'bytesFromOrigin'].map(sum);
    const slot = width / days;
    const bar = (index, y, h, name) => svg('rect', { class: name, x: index * slot + 1, y, width: slot - 2, height: Math.max(h, 0) });
    const hint = (index, text) => {
      const area = svg('rect', { class: 'hint', x: index * slot, y: 0, width: slot, height });
      area.append(svg('title', {}, text));
      return area;
    };
    this.#rate.draw({
      figure: percent(hits, hits + misses), top: '', from: all[0].name, to: 'today',
      said: `Hit rate of the last ${days} days: ${percent(hits, hits + misses)}, ${count(hits)} hits and ${count(misses)} misses.`,
      marks: hits + misses === 0 ? '' : JSON.stringify(all.map(({ name, tally }) => [name, tally?.hits, tally?.misses])),
      shapes: () => all.flatMap(({ name, tally }, index) => {
        const requests = (tally?.hits ?? 0) + (tally?.misses ?? 0);
        if (requests === 0) return [];
        const h = (tally.hits / requests) * (height - 1);
        return [bar(index, 0, height - 1, 'rest'), bar(index, height - 1 - h, h, 'hit'), hint(index, `${name}: ${percent(tally.hits, requests)}, ${count(tally.hits)} hits, ${count(tally.misses)} misses`)];
      }),
    });
    const most = Math.max(1, ...all.map(({ tally }) => (tally?.bytesSaved ?? 0) + (tally?.bytesFromOrigin ?? 0)));
    this.#bytes.draw({
      figure: saved > 0 ? size(saved) : none, top: saved + origin > 0 ? `${size(most)} at most` : '', from: all[0].name, to: 'today',
      said: `Bytes of the last ${days} days: ${size(saved)} saved, ${size(origin)} read from the origin.`,
      marks: saved + origin === 0 ? '' : JSON.stringify(all.map(({ name, tally }) => [name, tally?.bytesSaved, tally?.bytesFromOrigin])),
      shapes: () => all.flatMap(({ name, tally }, index) => {
        if (!tally || tally.bytesSaved + tally.bytesFromOrigin === 0) return [];
        const [s, o] = [tally.bytesSaved, tally.bytesFromOrigin].map((bytes) => (bytes / most) * (height - 1));
        return [bar(index, height - 1 - s, s, 'hit'), bar(index, height - 1 - s - o, o, 'origin'), hint(index, `${name}: ${size(tally.bytesSaved)} saved, ${size(tally.bytesFromOrigin)} from the origin`)];
      }),
    });
  }
}

const moments = 120;

/** What moves in the whole cluster, since the page is open. */
export class RateChart {
  #chart;
  #seen = [];

  constructor(place) {
    this.#chart = new Chart(place);
  }

  show(nodes) {
    const sum = (name) => nodes.reduce((total, node) => total + (node.rates?.[name] ?? 0), 0);
    const now = { origin: sum('originBytes'), peers: sum('peerBytesIn') };
    this.#seen.push(now);
    if (this.#seen.length > moments) this.#seen.shift();
    const most = Math.max(1, ...this.#seen.map((one) => one.origin + one.peers));
    const moving = this.#seen.some((one) => one.origin + one.peers > 0);
    const step = width / (moments - 1);
    const start = moments - this.#seen.length;
    const outline = (value) => this.#seen.map((one, index) => `${((start + index) * step).toFixed(1)},${(height - 1 - (value(one) / most) * (height - 2)).toFixed(1)}`).join(' ');
    const area = (value, name) => svg('polygon', { class: name, points: `${(start * step).toFixed(1)},${height - 1} ${outline(value)} ${width},${height - 1}` });
    this.#chart.draw({
      figure: now.origin + now.peers > 0 ? rate(now.origin + now.peers) : 'idle', top: moving ? `${rate(most)} at most` : '', from: '2 min ago', to: 'now',
      said: `Moving now: ${size(now.origin)}/s from the origin, ${size(now.peers)}/s between nodes.`,
      marks: moving ? JSON.stringify(this.#seen) : '',
      shapes: () => [area((one) => one.origin + one.peers, 'hit'), area((one) => one.origin, 'origin')],
    });
  }
}
