const BOX_PAD = 12, LINE_HEIGHT = 17;

function graphSection(graph, goToStep) {
  if (!graph || !graph.boxes.length) return null;
  const w = graph.width + 4, h = graph.height + 4;
  const drawing = svg('svg', {viewBox: `-2 -2 ${w} ${h}`, width: w, height: h, role: 'group', 'aria-label': 'The steps and what each waits for; each opens its row in the table of steps'},
    svg('defs', {}, svg('marker', {id: 'tip', viewBox: '0 0 8 8', refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: 'auto'},
      svg('path', {d: 'M0 0 L8 4 L0 8 z', class: 'tip'}))),
    scope(graph, 0, 0, goToStep));
  return section('graph', 'Graph', el('div', {class: 'scroll graph', tabindex: '0', role: 'region', 'aria-label': 'Graph'}, drawing));
}

function scope(graph, x, y, goToStep) {
  const lines = graph.lines.map((line) => svg('path', {class: 'edge', d: curve(line.points), 'marker-end': 'url(#tip)', transform: `translate(${x} ${y})`},
    svg('title', {}, line.why.join(', '))));
  const boxes = graph.boxes.map((box) => drawnBox(box, x + box.x, y + box.y, goToStep));
  return svg('g', {}, lines, boxes);
}

function drawnBox(box, x, y, goToStep) {
  const open = () => goToStep(box.id);
  const round = box.kind === 'agent' ? 14 : box.kind === 'approve' || box.kind === 'ask' ? 2 : 6;
  const texts = box.lines.map((line, index) => svg('text', {x: x + BOX_PAD, y: y + BOX_PAD + 9 + index * LINE_HEIGHT, class: index ? 'small' : 'name'}, line));
  const face = svg('g', {class: 'box', tabindex: '0', role: 'link', 'aria-label': box.full.join(', ') + (box.state ? ', ' + box.state : ''), click: open,
      keydown: (event) => { if (event.key === 'Enter') open(); }},
    svg('title', {}, box.full.join('\n')),
    svg('rect', {x, y, width: box.width, height: box.height, rx: round, class: 'state-' + (box.state || 'none') + (box.inside ? ' block' : '')}),
    texts);
  if (!box.inside) return face;
  const left = x + (box.width - box.inside.width) / 2;
  const top = y + box.height - box.inside.height - BOX_PAD;
  return svg('g', {}, face, scope(box.inside, left, top, goToStep));
}

function curve(points) {
  let d = `M${points[0][0]} ${points[0][1]}`;
  for (let i = 1; i < points.length; i++) {
    const [x0, y0] = points[i - 1], [x1, y1] = points[i], half = (y1 - y0) / 2;
    d += ` C${x0} ${y0 + half} ${x1} ${y1 - half} ${x1} ${y1}`;
  }
  return d;
}
