// Whatever text can be made of, and what must come back of it.

const range = (from, to) => {
  let text = '';
  for (let code = from; code <= to; code++) text += String.fromCharCode(code);
  return text;
};

const well = (text) => [text, text];

export const TEXTS = {
  empty: well(''),
  controls: well(range(0x00, 0x1f)),
  'what JSON, URLs and forms escape': well('"\\/ %25%0A+&=#?;<!--<script></script>\x7f'),
  'frames of the protocol': well('o\nh\na["x"]\nc[3000,"Go away!"]\n'),
  'line ends': well('\r\n\n\r\u0085\u2028\u2029'),
  'zero width and directions': well(range(0x200c, 0x200f) + range(0x2028, 0x202f) + range(0x2060, 0x206f)),
  specials: well(range(0xfff0, 0xffff)),
  'byte order marks': well('\ufeff\ufeffx\ufffe'),
  'all of the basic plane': well(range(0x00, 0xd7ff) + range(0xe000, 0xffff)),
  'other planes': well('\u{10000} \u{1f600} \u{1f468}\u200d\u{1f469}\u200d\u{1f467} \u{1fffe} \u{10ffff}'),
  'a high surrogate alone': ['a\ud800z', 'a\ufffdz'],
  'a low surrogate alone': ['a\udfffz', 'a\ufffdz'],
  'a high surrogate at the end': ['a\udbff', 'a\ufffd'],
  'surrogates in the wrong order': ['\ude00\ud83d', '\ufffd\ufffd'],
  'a high surrogate before a pair': ['\ud83d\ud83d\ude00', '\ufffd\u{1f600}'],
  '100 kB': well('0123456789'.repeat(10_000)),
};

// How a text differs from the expected one, in few words; undefined if it does not.
export function difference(expected, got) {
  if (got === expected) return undefined;
  let at = 0;
  while (expected[at] === got[at]) at++;
  return `at ${at}: expected ${show(expected, at)}, got ${show(got, at)}`;
}

function show(text, from) {
  const escape = (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return `"${text.slice(from, from + 8).replace(/[^ -~]/g, escape)}" of ${text.length} characters`;
}
