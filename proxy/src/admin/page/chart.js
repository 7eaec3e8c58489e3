// A line chart over the last minutes, in the page's colours.
/* global uPlot */

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

const at = (time) => (time ? new Date(time * 1000).toLocaleTimeString('en-GB') : '');

// Steps of an axis of bytes.
export const POWERS_OF_TWO = Array.from({ length: 50 }, (_, power) => 2 ** power);

// Draws `rows` of [seconds, value, value, …] into the element; as many values as there are labels.
export class Chart {
  #element;
  #labels;
  #words;
  #steps;
  #plot = null;
  #data;

  constructor(id, labels, words, steps) {
    this.#element = document.getElementById(id);
    this.#labels = labels;
    this.#words = words;
    this.#steps = steps;
    this.#data = [[], ...labels.map(() => [])];
    this.#draw();
    new ResizeObserver(() => this.#plot.setSize(this.#size())).observe(this.#element);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.#draw());
  }

  show(rows) {
    this.#data = this.#data.map((_, column) => rows.map((row) => row[column]));
    this.#plot.setData(this.#data);
    this.#sayLast();
  }

  // Where nobody points at anything, the legend says the last values.
  #sayLast() {
    if (this.#plot.cursor.left < 0) this.#plot.setLegend({ idx: this.#data[0].length - 1 }, false);
  }

  #size() {
    return { width: Math.max(200, this.#element.clientWidth), height: 190 };
  }

  #draw() {
    this.#plot?.destroy();
    const words = this.#words;
    const axis = { stroke: colour('--quiet'), grid: { stroke: colour('--grid'), width: 1 }, ticks: { show: false } };
    const options = {
      ...this.#size(),
      padding: [10, 12, 0, 0],
      cursor: { y: false },
      scales: { y: { range: (_, _low, high) => [0, high > 0 ? high * 1.1 : 1] } },
      axes: [
        { ...axis, values: (_, times) => times.map(at), space: 80, size: 26 },
        { ...axis, values: (_, values) => values.map(words), size: 66, ...(this.#steps && { incrs: this.#steps }) },
      ],
      legend: { markers: { width: 0, fill: (plot, index) => plot.series[index].stroke() } },
      series: [
        { label: 'at', value: (_, time) => at(time) },
        ...this.#labels.map((label, index) => ({
          label,
          stroke: colour(`--series-${index + 1}`),
          width: 2,
          points: { show: false },
          value: (_, value) => words(value),
        })),
      ],
    };
    this.#plot = new uPlot(options, this.#data, this.#element);
    this.#plot.over.addEventListener('mouseleave', () => this.#sayLast());
    this.#sayLast();
  }
}
