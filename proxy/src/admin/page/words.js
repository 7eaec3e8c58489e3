// Figures and names as people read them.

export const DIALECTS = ['towpath', 'sockjs', 'engine_io'];
export const TRANSPORTS = ['WebSocket', 'Towpath', 'SockJS', 'Engine.IO'];

// What carries one of those that there are.
export const transport = ({ kind, dialect }) => TRANSPORTS[kind === 'tunnel' ? 0 : 1 + DIALECTS.indexOf(dialect)];

// A word of a metric's label.
export const said = (word) => word.replaceAll('_', ' ');

export function count(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return '–';
  if (value >= 1e6) return `${(value / 1e6).toFixed(1)} M`;
  if (value >= 1e4) return `${(value / 1e3).toFixed(1)} k`;
  return value >= 100 || Number.isInteger(value) ? Math.round(value).toLocaleString('en') : value.toFixed(1);
}

export function bytes(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return '–';
  let unit = 0;
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit && value < 100 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

export function latency(seconds) {
  if (seconds === 0) return '0';
  if (seconds === null || seconds === undefined) return '–';
  if (seconds >= 1) return `${seconds.toFixed(1)} s`;
  const milliseconds = seconds * 1000;
  return `${milliseconds >= 10 ? milliseconds.toFixed(0) : milliseconds.toFixed(2)} ms`;
}

// The two largest units that there are.
export function age(seconds) {
  const units = [86400, 3600, 60, 1];
  const parts = units.map((size, index) => Math.floor((index ? seconds % units[index - 1] : seconds) / size));
  const first = parts.findIndex((value) => value > 0);
  if (first < 0) return '0s';
  const said = parts.map((value, index) => (value ? `${value}${'dhms'[index]}` : '')).slice(first, first + 2);
  return said.filter(Boolean).join(' ');
}
