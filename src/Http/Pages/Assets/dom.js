// Everything that comes from outside becomes text nodes or attributes here, never markup.

import { exact, relative } from './format.js';

/** An element with its properties, attributes (names with a dash, and role) and children. */
export function el(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value == null || value === false) continue;
    if (name in node && !name.includes('-')) node[name] = value;
    else node.setAttribute(name, value === true ? '' : value);
  }
  node.append(...children.filter((child) => child != null));
  return node;
}

/** Only what changed is touched: an untouched document costs no layout. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export function setAttribute(node, name, value) {
  if (value == null) {
    if (node.hasAttribute(name)) node.removeAttribute(name);
  } else if (node.getAttribute(name) !== value) node.setAttribute(name, value);
}

export function setClass(node, names) {
  if (node.className !== names) node.className = names;
}

export function setHidden(node, hidden) {
  if (node.hidden !== hidden) node.hidden = hidden;
}

/** A part of the whole for CSS, 0 to 1 in thousandths. */
export function setShare(node, share) {
  const value = String(Math.round(Math.min(1, Math.max(0, share || 0)) * 1000) / 1000);
  if (node.style.getPropertyValue('--share') !== value) node.style.setProperty('--share', value);
}

/** Relative, and exact on hover. */
export function setTime(node, time) {
  setText(node, relative(time));
  setAttribute(node, 'title', time == null ? null : exact(time));
}

export function time(at) {
  const node = el('time', {});
  if (at != null) node.dateTime = at;
  setTime(node, at);
  return node;
}

export const byId = (id) => document.getElementById(id);
