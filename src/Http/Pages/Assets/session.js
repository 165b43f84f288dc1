// Who looks at the page, and what this node has to show.

import { get } from './api.js';
import { byId, setHidden, setText } from './dom.js';

export async function session() {
  let known;
  try {
    known = await get('/ui/session');
  } catch {
    // The feed says what is wrong; without an answer nobody is an operator.
    return { canOperate: false };
  }
  setText(byId('where'), `${known.node} · ${known.version}`);
  setHidden(byId('dashboard'), !known.hasDashboard);
  setHidden(byId('logout'), !known.canLogOut);
  return known;
}
