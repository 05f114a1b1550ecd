import type { CallTree } from './cpu-profile.js';

const WIDTH = 1_600;
const ROW = 17;
const MARGIN = 8;
/** Narrower ones could be neither seen nor pointed at. */
const NARROWEST = 0.4;
const CHARACTER = 6.6;

/** An SVG whose boxes say what they are where the pointer is; a click on one makes it as wide as the picture. */
export function flameGraph(tree: CallTree, title: string): string {
  const boxes: string[] = [];
  let depth = 0;
  const draw = (node: CallTree, left: number, row: number) => {
    const width = (node.totalUs / tree.totalUs) * (WIDTH - 2 * MARGIN);
    if (width < NARROWEST) return;
    depth = Math.max(depth, row);
    boxes.push(box(node, left, row, width, tree.totalUs));
    let at = left;
    for (const child of node.children) {
      draw(child, at, row + 1);
      at += (child.totalUs / tree.totalUs) * (WIDTH - 2 * MARGIN);
    }
  };
  draw({ ...tree, name: 'all', place: '', part: '' }, MARGIN, 0);
  const height = (depth + 3) * ROW + 2 * MARGIN;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" font-family="monospace" font-size="11">
<rect width="100%" height="100%" fill="#fff"/>
<text x="${MARGIN}" y="${MARGIN + 10}" font-size="13">${escaped(title)}</text>
<g id="boxes" transform="translate(0 ${MARGIN + ROW})">
${boxes.join('\n')}
</g>
<script><![CDATA[
const all = [...document.querySelectorAll('#boxes > g')].map((group) => {
  const rect = group.querySelector('rect');
  return { group, rect, text: group.querySelector('text'), name: group.dataset.name, x: +rect.getAttribute('x'), width: +rect.getAttribute('width') };
});
const show = (from, width) => {
  const scale = ${WIDTH - 2 * MARGIN} / width;
  for (const { group, rect, text, name, x, width: own } of all) {
    const left = ${MARGIN} + (x - from) * scale;
    const right = left + own * scale;
    group.style.display = right <= ${MARGIN} + 0.1 || left >= ${WIDTH - MARGIN} - 0.1 ? 'none' : '';
    const start = Math.max(left, ${MARGIN});
    const wide = Math.max(0, Math.min(right, ${WIDTH - MARGIN}) - start);
    rect.setAttribute('x', start);
    rect.setAttribute('width', wide);
    text.setAttribute('x', start + 2);
    text.textContent = name.slice(0, Math.max(0, Math.floor((wide - 4) / ${CHARACTER})));
  }
};
for (const { group, x, width } of all) group.addEventListener('click', () => show(x, width));
]]></script>
</svg>
`;
}

function box(node: CallTree, left: number, row: number, width: number, total: number): string {
  const name = `${node.name}${node.part === '' ? '' : ` ${node.part}`}`;
  const share = (us: number) => `${((us / total) * 100).toFixed(1)}%`;
  const label = escaped(name.slice(0, Math.max(0, Math.floor((width - 4) / CHARACTER))));
  const x = left.toFixed(2);
  const y = row * ROW;
  return `<g data-name="${escaped(name)}"><title>${escaped(`${node.name} ${node.place}: ${share(node.totalUs)}, of its own ${share(node.selfUs)}`)}</title><rect x="${x}" y="${y}" width="${width.toFixed(2)}" height="${ROW - 1}" fill="${colour(node.part)}"/><text x="${(left + 2).toFixed(2)}" y="${y + 12}">${label}</text></g>`;
}

/** One a part: ours in greens, Node and V8 in greys, packages in warm ones. */
function colour(part: string): string {
  const hash = Buffer.from(part).reduce((sum, byte) => (sum * 31 + byte) % 997, 7);
  if (part.startsWith('src/')) return `hsl(${90 + (hash % 60)} 55% 70%)`;
  if (part === 'node' || part === '' || part.startsWith('(')) return `hsl(220 10% ${75 + (hash % 12)}%)`;
  return `hsl(${(hash % 55) + 5} 80% 72%)`;
}

const escaped = (text: string) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
