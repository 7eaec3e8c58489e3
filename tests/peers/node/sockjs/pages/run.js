// Runs checks one after the other. Each gives what it saw, or what kept it from that.
import { Conversation } from './conversation.js';

const DEADLINE = 10_000;

function within(promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no more after ${Conversation.latest}`)), DEADLINE);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

// The checks of these modules, whose names a comma parts.
export async function load(modules) {
  const loaded = await Promise.all(modules.split(',').map((name) => import(`./${name}.js`)));
  return Object.assign({}, ...loaded.map(({ CHECKS }) => CHECKS));
}

export async function run(checks, client) {
  const seen = {};
  for (const [name, check] of Object.entries(checks)) {
    seen[name] = await within(check(client)).catch(({ message }) => ({ error: message }));
  }
  return seen;
}
