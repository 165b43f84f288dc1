// What an operator can do, each with a dialog that says beforehand what will come of it.

import { Problem, datasetPath, get, request, warmPath } from './api.js';
import { byId, el, setText } from './dom.js';
import { size } from './format.js';

/** One line of news at the bottom; what went wrong stays until something else is said. */
let fading = 0;
export function say(text, isWrong = false) {
  const place = byId('news');
  clearTimeout(fading);
  place.className = isWrong ? 'news wrong' : 'news';
  setText(place, text);
  if (!isWrong) fading = setTimeout(() => setText(place, ''), 8000);
}

export function sayProblem(error) {
  say([error.message, error.advice].filter(Boolean).join(' '), true);
}

let dialog = null;

/** Opens the page's one dialog. Escape and a click beside it close it; the first button is the safe one. */
export function open(title, ...content) {
  dialog?.close();
  const heading = el('h2', { id: 'dialog-title' }, title);
  const mine = el('dialog', { 'aria-labelledby': 'dialog-title' }, heading, ...content);
  dialog = mine;
  mine.addEventListener('close', () => {
    mine.remove();
    if (dialog === mine) dialog = null;
  });
  mine.addEventListener('click', (event) => {
    if (event.target === mine) mine.close();
  });
  document.body.append(mine);
  mine.showModal();
  return mine;
}

export const button = (text, onclick, properties = {}) => el('button', { type: 'button', onclick, ...properties }, text);

const cancel = (text = 'Cancel') => button(text, () => dialog?.close(), { autofocus: true });

/** Runs an action from its dialog's button: closed when it is done; told why not when it fails, with all that was filled in. */
async function perform(work) {
  const mine = dialog;
  const controls = mine.querySelectorAll('button, input, select');
  for (const control of controls) control.disabled = true;
  try {
    await work();
    mine.close();
  } catch (error) {
    for (const control of controls) control.disabled = false;
    if (mine.open) complain([error.message, error.advice].filter(Boolean).join(' '));
    else sayProblem(error);
  }
}

/** In the dialog: what is behind it is dimmed. */
function complain(text) {
  dialog.querySelector('[role=alert]')?.remove();
  dialog.querySelector('.buttons').before(el('p', { role: 'alert', className: 'wrong' }, text));
}

/** @param target { self, key, nodes } the nodes that hold it and are meant. */
export function pin({ self, key, nodes, done }, isPinned) {
  const verb = isPinned ? 'Unpin' : 'Pin';
  open(`${verb} ${key}?`,
    el('p', {}, isPinned ? `It may then be evicted from ${list(nodes)} when space is needed, as any other.` : `It is then kept on ${list(nodes)} whatever else needs the space, until it is unpinned.`),
    el('p', { className: 'buttons' }, cancel(), button(verb, () => perform(async () => {
      await each(nodes, (node) => request(isPinned ? 'DELETE' : 'PUT', `${datasetPath(self, node, key)}/pin`));
      say(`${isPinned ? 'Unpinned' : 'Pinned'} ${key} on ${list(nodes)}.`);
      done();
    }), { className: 'primary' })));
}

const priorities = { low: 'Low: goes before all others', normal: 'Normal: goes in its turn', high: 'High: goes after all others' };

export function priority({ self, key, nodes, done }, current) {
  const choice = el('select', { id: 'priority' }, ...Object.entries(priorities).map(([name, text]) => el('option', { value: name, selected: name === (current ?? 'normal') }, text)));
  open(`Priority of ${key}`,
    el('p', {}, `On ${list(nodes)}, when space is needed there. What a job uses or a pin keeps stays whatever it says.`),
    el('p', { className: 'field' }, el('label', { htmlFor: 'priority' }, 'Priority'), choice),
    el('p', { className: 'buttons' }, cancel(), button('Set priority', () => perform(async () => {
      await each(nodes, (node) => request('PUT', `${datasetPath(self, node, key)}/priority`, { priority: choice.value }));
      say(`The priority of ${key} is ${choice.value} on ${list(nodes)}.`);
      done();
    }), { className: 'primary' })));
}

export function verify({ self, key, nodes, done }) {
  const level = el('select', { id: 'verify-level' }, 
    el('option', { value: 'fast' }, 'Fast: names, sizes and modes'),
    el('option', { value: 'pieces', selected: true }, 'Pieces: every byte against its checksum'),
    el('option', { value: 'full' }, 'Full: pieces, and the digests that the origin names'));
  const heal = el('input', { type: 'checkbox', id: 'verify-heal', checked: true });
  open(`Verify ${key}`,
    el('p', {}, `On ${list(nodes)}.`),
    el('p', { className: 'field' }, el('label', { htmlFor: 'verify-level' }, 'How'), level),
    el('p', { className: 'check' }, heal, el('label', { htmlFor: 'verify-heal' }, 'Heal what is broken, from other nodes or the origin')),
    el('p', { className: 'buttons' }, cancel(), button('Verify', () => perform(async () => {
      const works = await each(nodes, (node) => request('POST', `${datasetPath(self, node, key)}/verify`, { level: level.value, heal: heal.checked }));
      say(`Verifying ${key} on ${list(nodes)}.`);
      done();
      void follow(nodes.map((node, index) => `${node === self ? '/v1' : `/v1/nodes/${encodeURIComponent(node)}`}/acquisitions/${encodeURIComponent(works[index].ticket)}?wait=5`),
        `Verified ${key} on ${list(nodes)}; its history says what was found.`, done);
    }), { className: 'primary' })));
}

// What was started says when it is over; who has closed the dialog is told all the same.
async function follow(paths, text, done) {
  try {
    for (const path of paths) {
      let work;
      do work = await get(path);
      while (work.state === 'running');
    }
    say(text);
  } catch (error) {
    sayProblem(error);
  }
  done();
}

/** Asks each node first what would come of it. */
export async function evict({ self, key, nodes, done }) {
  const waiting = el('p', {}, 'Asking what would be freed.');
  const mine = open(`Evict ${key}?`, waiting, el('p', { className: 'buttons' }, cancel()));
  let answers;
  try {
    answers = await each(nodes, (node) => remove(`${datasetPath(self, node, key)}?dryRun=true`));
  } catch (error) {
    waiting.textContent = [error.message, error.advice].filter(Boolean).join(' ');
    return;
  }
  if (!mine.open) return;
  const outcomes = nodes.map((node, index) => ({ node, ...answers[index] }));
  const going = outcomes.filter((outcome) => outcome.outcome === 'evicted');
  const freed = going.reduce((sum, outcome) => sum + outcome.freedBytes, 0);
  const lines = outcomes.map((outcome) => el('li', {}, el('b', {}, outcome.node), `: ${becomes(outcome)}`));
  const buttons = el('p', { className: 'buttons' }, cancel(going.length === 0 ? 'Close' : 'Cancel'));
  if (going.length > 0) {
    const text = `Evict from ${list(going.map((outcome) => outcome.node))}`;
    buttons.append(button(text, () => perform(async () => {
      const gone = await each(going.map((outcome) => outcome.node), (node) => remove(datasetPath(self, node, key)));
      const stayed = gone.filter((outcome) => outcome.outcome === 'protected');
      const bytes = gone.reduce((sum, outcome) => sum + outcome.freedBytes, 0);
      say(stayed.length === 0 ? `Evicted ${key}: ${size(bytes)} freed.` : `${key} stays: ${stayed.map(becomes).join('; ')}.`, stayed.length > 0);
      done();
    }), { className: 'danger' }));
  }
  waiting.replaceWith(el('ul', { className: 'outcomes' }, ...lines),
    el('p', {}, going.length === 0 ? 'Nothing can be evicted now.' : `Frees ${size(freed)} in all. Who needs it again has to download it.`));
  mine.querySelector('.buttons').replaceWith(buttons);
  buttons.firstChild.focus();
}

// What is gone already is no failure.
async function remove(path) {
  try {
    return await request('DELETE', path);
  } catch (error) {
    if (error instanceof Problem && error.status === 404 && error.code === 'notFound') return { outcome: 'notFound', freedBytes: 0 };
    throw error;
  }
}

function becomes(outcome) {
  if (outcome.outcome === 'evicted') return `${size(outcome.freedBytes)} would be freed`;
  if (outcome.outcome === 'notFound') return 'not there (any more)';
  const reasons = (outcome.protections ?? []).map((protection) => (typeof protection === 'string' ? protection : protection.reason));
  return reasons.length > 0 ? `protected by ${reasons.join('; ')}` : 'protected';
}

/** A dataset that is known, on nodes that do not hold it; or one that somebody names. */
export function warm({ self, dataset, nodes, all, done }) {
  const field = (id, label, properties = {}) => [id, el('p', { className: 'field' }, el('label', { htmlFor: `warm-${id}` }, label), el('input', { id: `warm-${id}`, autocomplete: 'off', spellcheck: false, ...properties }))];
  const fields = new Map(dataset ? [] : [
    field('datasetId', 'Dataset'),
    field('snapshotId', 'Snapshot', { placeholder: 'none: what the origin lists now' }),
    field('versionHash', 'Version hash', { placeholder: 'none: not checked' }),
    field('origin', 'Origin', { placeholder: 'none: the node’s own' }),
  ]);
  const chosen = new Set(nodes);
  const boxes = el('fieldset', { className: 'nodes' }, el('legend', {}, 'On'), ...all.map((node) => el('label', {},
    el('input', { type: 'checkbox', value: node, checked: chosen.has(node), onchange: (event) => (event.target.checked ? chosen.add(node) : chosen.delete(node)) }), node)));
  const form = el('form', { method: 'dialog' }, ...fields.values(), boxes,
    el('p', { className: 'buttons' }, cancel(), el('button', { type: 'submit', className: 'primary' }, 'Warm')));
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const body = dataset ?? Object.fromEntries([...fields].map(([name, line]) => [name, line.querySelector('input').value.trim()]).filter(([, value]) => value));
    if (chosen.size === 0 || Object.keys(body).length === 0) {
      complain(chosen.size === 0 ? 'Choose a node.' : 'Name a dataset or an origin.');
      return;
    }
    const names = [...chosen];
    void perform(async () => {
      await each(names, (node) => request('POST', warmPath(self, node), { dataset: body }));
      say(`On its way to ${list(names)}.`);
      done();
    });
  });
  open(dataset ? 'Warm on other nodes' : 'Warm a dataset', el('p', {}, 'Downloads it now, so that the next job finds it. Nothing protects it from eviction until somebody uses or pins it.'), form);
}

// Each is asked, also where one refuses; the first refusal is told.
async function each(nodes, ask) {
  const answers = await Promise.allSettled(nodes.map(ask));
  const refused = answers.find((answer) => answer.status === 'rejected');
  if (refused) throw refused.reason;
  return answers.map((answer) => answer.value);
}

export function list(nodes) {
  if (nodes.length <= 3) return nodes.join(', ').replace(/, ([^,]*)$/, ' and $1');
  return `${nodes.length} nodes`;
}
