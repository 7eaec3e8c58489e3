// What the process has counted, read from the text that Prometheus reads.

// A family's samples: their labels and values.
export function parse(text) {
  const samples = new Map();
  for (const line of text.split('\n')) {
    const found = /^([a-z_]+)(?:\{(.*)\})? (\S+)/.exec(line);
    if (!found) continue;
    const [, name, inside, value] = found;
    const labels = {};
    for (const [, key, said] of (inside ?? '').matchAll(/([a-z_]+)="((?:[^"\\]|\\.)*)"/g)) {
      labels[key] = said.replace(/\\(.)/g, (_, it) => (it === 'n' ? '\n' : it));
    }
    if (!samples.has(name)) samples.set(name, []);
    samples.get(name).push({ labels, value: Number(value) });
  }
  return new Metrics(samples);
}

class Metrics {
  #samples;

  constructor(samples) {
    this.#samples = samples;
  }

  all(name) {
    return this.#samples.get(name) ?? [];
  }

  // The sum of all samples with these labels.
  sum(name, labels = {}) {
    const wanted = Object.entries(labels);
    return this.all(name)
      .filter((sample) => wanted.every(([key, value]) => sample.labels[key] === value))
      .reduce((sum, sample) => sum + sample.value, 0);
  }

  // Sums by the values of one label, the largest first.
  by(name, label) {
    const sums = new Map();
    for (const sample of this.all(name)) {
      const value = sample.labels[label];
      sums.set(value, (sums.get(value) ?? 0) + sample.value);
    }
    return [...sums].filter(([, count]) => count > 0).sort((a, b) => b[1] - a[1]);
  }

  // All values of a label, of whatever metric, in order.
  values(label) {
    const values = new Set();
    for (const samples of this.#samples.values()) {
      for (const sample of samples) if (sample.labels[label] !== undefined) values.add(sample.labels[label]);
    }
    return [...values].sort();
  }

  // How many observations, of the samples whose labels count, were at or below which bound.
  buckets(name, counts) {
    const sums = new Map();
    for (const { labels, value } of this.all(`${name}_bucket`).filter((sample) => counts(sample.labels))) {
      sums.set(labels.le, (sums.get(labels.le) ?? 0) + value);
    }
    return [...sums].map(([le, count]) => ({ bound: le === '+Inf' ? Infinity : Number(le), count }));
  }
}

// The bound below which a share of the observations between two looks lies, found between the bounds of its bucket as
// Prometheus does it; null if nothing was observed.
export function quantile(share, before, now) {
  const earlier = new Map(before.map(({ bound, count }) => [bound, count]));
  const grown = now
    .map(({ bound, count }) => ({ bound, count: Math.max(0, count - (earlier.get(bound) ?? 0)) }))
    .sort((a, b) => a.bound - b.bound);
  const total = grown.at(-1)?.count ?? 0;
  if (total === 0) return null;
  const rank = share * total;
  const index = grown.findIndex(({ count }) => count >= rank);
  const [low, below] = index > 0 ? [grown[index - 1].bound, grown[index - 1].count] : [0, 0];
  const { bound, count } = grown[index];
  if (bound === Infinity) return low;
  return low + ((bound - low) * (rank - below)) / (count - below || 1);
}
