// uplot.js comes before the page's own scripts; what they use of it, chart.js shows.
declare const uPlot: any;
