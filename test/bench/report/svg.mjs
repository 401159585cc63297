import { formatNumber, ratio } from './table.mjs';

/** @typedef {import('./table.mjs').Result} Result */

/** What the chart shows, as ratios to cluster. */
const PANELS = /** @type {const} */ ([
  { figure: 'cpu', title: 'CPU per request, cluster = 1 (shorter is better)' },
  { figure: 'rate', title: 'Requests per second, cluster = 1 (longer is better)' },
]);

const GROUPS = {
  echo: 'echo 32 B',
  pipelined: 'pipelined 16',
  large: 'echo 16 KiB',
  'bulk-in': 'bulk in',
  'bulk-out': 'bulk out',
  churn: 'churn',
  handler: '0.5 ms handler',
};

const COLOURS = /** @type {Record<string, string>} */ ({
  net: '#9aa5b1',
  cluster: '#e0a030',
  piscina: '#b07cc6',
  relay: '#2a7de1',
  transfer: '#1b9e77',
});

const [WIDTH, LEFT, BAR, GAP, HEAD] = [760, 120, 12, 10, 34];
const SCALE_END = 2;

const escape = (/** @type {string} */ text) => text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);

/**
 * @param {number} x
 * @param {number} y
 * @param {string} text
 * @param {string} [attributes]
 */
const label = (x, y, text, attributes = '') => `<text x="${x}" y="${y}"${attributes}>${escape(text)}</text>`;

const toX = (/** @type {number} */ value) =>
  LEFT + (Math.min(value, SCALE_END) / SCALE_END) * (WIDTH - LEFT - 60);

/**
 * @param {number} y
 * @param {string} peer
 * @param {number} value
 */
function bar(y, peer, value) {
  const end = Math.round(toX(value));
  const beyond = value > SCALE_END ? ' →' : '';
  return [
    `<rect x="${LEFT}" y="${y}" width="${end - LEFT}" height="${BAR - 2}" fill="${COLOURS[peer] ?? '#777'}"/>`,
    label(end + 4, y + BAR - 3, formatNumber(value, 2) + beyond, ' class="small"'),
  ];
}

/**
 * @param {number} top
 * @param {typeof PANELS[number]} panel
 * @param {readonly Result[]} results
 * @returns {{ lines: string[], bottom: number }}
 */
function drawPanel(top, { figure, title }, results) {
  const lines = [label(16, top + 16, title, ' class="title"')];
  let y = top + HEAD;
  for (const [name, groupTitle] of Object.entries(GROUPS)) {
    const result = results.find((each) => each.name === name);
    const values = Object.keys(result?.peers ?? {})
      .map((peer) => /** @type {const} */ ([peer, ratio(result, peer, figure)]))
      .filter(([, value]) => Number.isFinite(value));
    if (values.length === 0) continue;
    lines.push(label(LEFT - 8, y + (values.length * BAR) / 2 + 4, groupTitle, ' text-anchor="end"'));
    for (const [peer, value] of values) {
      lines.push(...bar(y, peer, value));
      y += BAR;
    }
    y += GAP;
  }
  const one = Math.round(toX(1));
  lines.push(`<line x1="${one}" x2="${one}" y1="${top + HEAD - 6}" y2="${y - GAP + 4}" class="one"/>`);
  return { lines, bottom: y + 10 };
}

/**
 * @param {readonly string[]} present
 * @param {Readonly<Record<string, string>>} titles
 */
function legend(present, titles) {
  return present.flatMap((peer, index) => {
    const x = 16 + index * 146;
    return [
      `<rect x="${x}" y="34" width="10" height="10" fill="${COLOURS[peer] ?? '#777'}"/>`,
      label(x + 15, 43, titles[peer] ?? peer),
    ];
  });
}

const STYLE = `<style>
text { font: 12px system-ui, sans-serif; fill: #1f2933 } .title { font-weight: 600; font-size: 13px } .small { font-size: 10px }
.ground { fill: #fff } .one { stroke: #1f2933; stroke-dasharray: 3 3 }
@media (prefers-color-scheme: dark) { text { fill: #d9e2ec } .ground { fill: #0d1117 } .one { stroke: #d9e2ec } }
</style>`;

/**
 * The chart of a run.
 * @param {readonly Result[]} results
 * @param {Readonly<Record<string, string>>} titles of the peers
 * @param {string} caption where the figures come from
 */
export function chart(results, titles, caption) {
  const present = Object.keys(titles).filter((peer) => results.some((result) => peer in result.peers));
  const lines = [label(16, 22, caption, ' class="small"'), ...legend(present, titles)];
  let bottom = 60;
  for (const panel of PANELS) {
    const drawn = drawPanel(bottom, panel, results);
    lines.push(...drawn.lines);
    bottom = drawn.bottom;
  }
  const open = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${bottom}" role="img">`;
  const name = '<title>forkless beside its peers</title>';
  return [
    open,
    name,
    STYLE,
    '<rect class="ground" width="100%" height="100%"/>',
    ...lines,
    '</svg>',
    '',
  ].join('\n');
}
