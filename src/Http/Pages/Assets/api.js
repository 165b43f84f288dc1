// The node's HTTP API, as its pages use it.

/** What the node answered in place of what was asked for. */
export class Problem extends Error {
  constructor(status, body) {
    super(body?.message ?? body?.detail ?? `The node answered ${status}.`);
    this.status = status;
    this.code = body?.code;
    this.advice = body?.advice;
  }
}

const patience = 15_000;

export async function request(method, path, body) {
  const answer = await fetch(path, {
    method,
    headers: body === undefined ? { Accept: 'application/json' } : { Accept: 'application/json', 'Content-Type': 'application/json' },
    body: body === undefined ? undefined : JSON.stringify(body),
    credentials: 'same-origin',
    cache: 'no-store',
    signal: AbortSignal.timeout(patience),
  });
  const text = await answer.text();
  let document = null;
  try {
    document = text ? JSON.parse(text) : null;
  } catch {
    if (answer.ok) throw new Problem(answer.status, { message: `The answer for ${path} is not JSON.` });
  }
  if (!answer.ok) throw new Problem(answer.status, document);
  return document;
}

export const get = (path) => request('GET', path);

/** Where a dataset on a node is acted on; this node's own without a detour. */
export function datasetPath(self, node, key) {
  const dataset = `/v1/datasets/${encodeURIComponent(key)}`;
  return node === self ? dataset : `/v1/nodes/${encodeURIComponent(node)}${dataset.slice(3)}`;
}

export const warmPath = (self, node) => (node === self ? '/v1/warm' : `/v1/nodes/${encodeURIComponent(node)}/warm`);

export const pageOf = (key) => `/ui/dataset?key=${encodeURIComponent(key)}`;
