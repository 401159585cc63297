import { spread } from '../statistics.mjs';
import { columns, TOO_BUSY } from './columns.mjs';

/**
 * @typedef {import('../statistics.mjs').Summary} Summary
 * @typedef {Record<string, Summary>} PeerFigures
 * @typedef {{ name: string, title: string, unit: string, per?: string | undefined, columns: readonly string[], peers: Record<string, PeerFigures> }} Result
 */

/** What could not be measured. */
const NOTHING = '–';

/**
 * @param {number} value
 * @param {number} digits
 */
export function formatNumber(value, digits) {
  if (!Number.isFinite(value)) return NOTHING;
  return value.toFixed(digits).replace(/\B(?=(\d{3})+(?!\d))(?<!\.\d*)/g, ' ');
}

/** @param {Summary} summary */
function plusMinus(summary) {
  return summary.values.length < 2 || Number.isNaN(summary.median)
    ? ''
    : ` ±${Math.round(spread(summary) * 100)}%`;
}

/**
 * Rows of equal length as lines; the first column to the left, the others to the right.
 * @param {readonly (readonly string[])[]} rows
 */
export function align(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return rows.map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[column]) : cell.padStart(widths[column])))
      .join('  ')
      .trimEnd(),
  );
}

/**
 * The median of a figure over that of cluster; NaN where either is missing.
 * @param {Result | undefined} result
 * @param {string} peer
 * @param {string} figure
 * @param {string} [against]
 */
export function ratio(result, peer, figure, against = 'cluster') {
  const [own, other] = [peer, against].map((name) => result?.peers[name]?.[figure]?.median ?? NaN);
  return own / other;
}

/**
 * @param {Result} result
 * @param {Readonly<Record<string, string>>} titles of the peers
 * @returns {string[]}
 */
export function resultTable(result, titles) {
  const shown = result.columns.flatMap((key) => (columns[key].ratio ? [key, `${key}/`] : [key]));
  const title = (/** @type {string} */ key) =>
    key.endsWith('/')
      ? '×cluster'
      : columns[key].title.replace('{unit}', result.unit).replace('{per}', result.per ?? 'request');
  const rows = Object.entries(result.peers).map(([peer, figures]) => [
    titles[peer] ?? peer,
    ...shown.map((key) => cell(result, peer, figures, key)),
  ]);
  return [result.title, ...align([['', ...shown.map(title)], ...rows]).map((line) => `  ${line}`)];
}

/**
 * @param {Result} result
 * @param {string} peer
 * @param {PeerFigures} figures
 * @param {string} key
 */
function cell(result, peer, figures, key) {
  if (key.endsWith('/')) return formatNumber(ratio(result, peer, key.slice(0, -1)), 2);
  const summary = figures[key];
  if (!summary) return NOTHING;
  const text = formatNumber(summary.median, columns[key].digits);
  if (key === 'load') return summary.median > TOO_BUSY ? `${text} !` : text;
  return columns[key].ratio ? text + plusMinus(summary) : text;
}
