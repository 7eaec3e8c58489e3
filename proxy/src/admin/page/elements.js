// The page's elements, and how the listener is asked.

/** @param {string} id @returns {any} */
export const by = (id) => document.getElementById(id);

// Elements are made of text alone: names and paths of clients are never read as markup.
/** @param {string} name @param {object} attributes @param {...(string | Node)} children @returns {any} */
export function element(name, attributes = {}, ...children) {
  const made = Object.assign(document.createElement(name), attributes);
  made.append(...children);
  return made;
}

/** A cell of a table; where rows are stacked, its label stands before it. */
export function cell(label, text, className = '') {
  const made = element('td', { className }, text);
  made.dataset.label = label;
  return made;
}

/** One row that says that there are none. */
export function nothing(text, columns) {
  return element('tr', { className: 'nothing' }, element('td', { colSpan: columns }, text));
}

export async function ask(path, options = {}) {
  const response = await fetch(path, { ...options, signal: AbortSignal.timeout(5000) });
  if (!response.ok) throw new Error(`${response.status}: ${(await response.text()).trim()}`);
  return response;
}
