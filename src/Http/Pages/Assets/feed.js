// Asks again and again: every second while the node answers, more and more seldom while it does not, not at all while nobody looks.

import { Problem } from './api.js';
import { byId, el, setClass, setText } from './dom.js';
import { duration } from './format.js';

const every = 1000;
const longest = 15_000;

export class Feed {
  #ask;
  #timer = 0;
  #failures = 0;
  #heard = 0;
  #next = 0;
  #running = false;
  #again = false;
  #reason = '';

  /** @param ask What to do each time; it fails where the node does not answer. */
  constructor(ask) {
    this.#ask = ask;
    document.addEventListener('visibilitychange', () => {
      if (!document.hidden) this.now();
    });
    setInterval(() => this.#show(), 1000);
    this.now();
  }

  /** At once, whatever the pace. */
  now() {
    clearTimeout(this.#timer);
    this.#again = this.#running;
    if (!this.#running) void this.#run();
  }

  async #run() {
    this.#running = true;
    do {
      this.#again = false;
      try {
        await this.#ask();
        this.#failures = 0;
        this.#heard = Date.now();
      } catch (error) {
        this.#failures++;
        this.#reason = reasonOf(error);
        if (!(error instanceof Problem) && error.name !== 'TimeoutError' && !(error instanceof TypeError)) console.error(error);
      }
    } while (this.#again);
    this.#running = false;
    const pause = this.#failures === 0 ? every : Math.min(longest, every * 2 ** this.#failures);
    this.#next = Date.now() + pause;
    if (!document.hidden) this.#timer = setTimeout(() => this.now(), pause);
    this.#show();
  }

  #show() {
    const place = byId('connection');
    const lost = this.#failures > 0;
    document.documentElement.classList.toggle('stale', lost);
    setClass(place, lost ? 'connection lost' : 'connection');
    if (!lost) {
      setText(place, this.#heard === 0 ? 'Connecting' : 'Live');
      return;
    }
    const since = this.#heard === 0 ? '' : `, last news ${duration((Date.now() - this.#heard) / 1000)} ago`;
    const wait = Math.ceil((this.#next - Date.now()) / 1000);
    const said = `Not connected: ${this.#reason}${since}; ${this.#running || wait <= 0 ? 'trying now' : `trying again in ${wait} s`}`;
    if (place.textContent.startsWith(said)) return;
    place.replaceChildren(said, ' ', this.#reason === loggedOut ? el('a', { href: `/login?to=${encodeURIComponent(location.pathname + location.search)}` }, 'Log in') : el('button', { type: 'button', onclick: () => this.now() }, 'Try now'));
  }
}

const loggedOut = 'you are not logged in (any more)';

function reasonOf(error) {
  if (error instanceof Problem) return error.status === 401 ? loggedOut : error.message.replace(/\.$/, '');
  return error.name === 'TimeoutError' ? 'the node takes too long' : error instanceof TypeError ? 'the node does not answer' : 'this page failed';
}
