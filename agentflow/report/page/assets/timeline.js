const ROW = 24;

// Rows of the timeline: a step with the calls of its sessions, and under it the subagents.
function timelineRows(report) {
  const under = new Map(), rows = [], last = report.run.updated_at;
  for (const session of report.sessions) {
    const key = session.parent === null ? 'step ' + session.step : 'session ' + session.parent;
    if (!under.has(key)) under.set(key, []);
    under.get(key).push(session);
  }
  const subagents = (session, depth) => {
    for (const inner of under.get('session ' + session.session) || []) {
      rows.push({label: inner.agent, depth, state: inner.failure ? 'failed' : 'done', session: inner.session,
        bars: [span(inner.started_at, inner.ended_at || last, 'whole', inner.agent), ...calls(inner, last)]});
      subagents(inner, depth + 1);
    }
  };
  // An item of which one step is all stands on the line of that step.
  const alone = new Map();
  report.steps.forEach((step, index) => {
    const inner = report.steps[index + 1], after = report.steps[index + 2];
    if (step.kind === 'item' && inner && inner.depth === step.depth + 1 && inner.started_at !== null && (!after || after.depth <= step.depth)) alone.set(step, inner), alone.set(inner, step);
  });
  for (const step of report.steps) {
    const other = alone.get(step);
    if (step.started_at === null || (other && step.kind === 'item')) continue;
    const label = other ? other.name + ' ' + step.name : step.name, depth = other ? other.depth : step.depth;
    const bars = [span(step.started_at, step.ended_at || last, 'whole state-' + step.state, step.path + ' ' + step.state)];
    if (step.gate) bars.push(span(step.gate.opened_at, step.gate.answer ? step.gate.answer.at : last, 'person', 'waiting for a person'));
    const own = under.get('step ' + step.path) || [];
    for (const session of own) bars.push(...calls(session, last));
    rows.push({label, depth, state: step.state, step: step.path, session: own.length ? own[own.length - 1].session : null, bars});
    for (const session of own) subagents(session, depth + 1);
  }
  return rows;
}

function span(start, end, kind, title) { return {start, end: Math.max(end, start), kind, title: `${title} · ${duration(end - start)}`}; }

function calls(session, last) {
  const bars = [];
  for (const entry of session.entries) {
    if (!entry.at || entry.kind === 'event') continue;
    const end = entry.ended_at || last;
    if (entry.kind === 'turn') bars.push(span(entry.at, end, entry.failure ? 'broken' : 'model', `turn ${entry.turn}, ${entry.model}` + (entry.failure ? ', ' + entry.failure.kind : '')));
    if (entry.kind === 'tool') bars.push(span(entry.at, end, entry.is_error ? 'broken' : 'tool', entry.tool));
  }
  return bars;
}

function timelineSection(report, goToStep, goToSession) {
  const rows = timelineRows(report);
  if (!rows.length) return null;
  let from = Infinity, until = -Infinity;
  for (const row of rows) for (const bar of row.bars) { from = Math.min(from, bar.start); until = Math.max(until, bar.end); }
  const length = Math.max(until - from, 0.001);
  const chart = el('div', {class: 'rows'}), axis = el('div', {class: 'axis', 'aria-hidden': 'true'});
  const inner = el('div', {class: 'canvas'}, axis, chart);
  const box = el('div', {class: 'scroll timeline', tabindex: '0', role: 'region', 'aria-label': `Timeline of ${number(rows.length)} rows; the table of steps has the same times`}, inner);
  let zoom = 1, waiting = false;
  const label = () => Math.min(260, Math.max(110, box.clientWidth * 0.3));
  const open = (row) => row.session ? goToSession(row.session) : goToStep(row.step);

  function draw() {
    waiting = false;
    const side = label(), wide = Math.max((box.clientWidth - side - 8) * zoom, 50), scale = wide / length;
    inner.style.width = side + wide + 'px';
    inner.style.height = (rows.length + 1) * ROW + 'px';
    inner.style.setProperty('--side', side + 'px');
    const left = box.scrollLeft / scale, right = (box.scrollLeft + box.clientWidth) / scale;
    drawAxis(axis, side, scale, left, right);
    const first = Math.max(0, Math.floor(box.scrollTop / ROW) - 2), after = Math.min(rows.length, first + Math.ceil(box.clientHeight / ROW) + 5);
    chart.replaceChildren(...rows.slice(first, after).map((row, index) => drawnRow(row, first + index, side, scale, left, right)));
  }

  function drawnRow(row, index, side, scale, left, right) {
    const name = el('button', {type: 'button', class: 'label', title: row.step || row.label, click: () => open(row)},
      el('span', {class: 'mark state-' + row.state, 'aria-hidden': 'true'}, SYMBOLS[row.state] || ''), row.label);
    name.style.paddingLeft = 4 + Math.min(row.depth, 6) * 10 + 'px';
    const line = el('div', {class: 'row'}, name, ...visible(row.bars, scale, left, right).map((bar) => {
      const shown = el('span', {class: 'bar ' + bar.kind, title: bar.title});
      shown.style.left = side + (bar.start - from) * scale + 'px';
      shown.style.width = Math.max((bar.end - bar.start) * scale, 2) + 'px';
      return shown;
    }));
    // A row whose bars are all out of sight says on which side they are.
    const ends = Math.max(...row.bars.map((bar) => bar.end)) - from, starts = Math.min(...row.bars.map((bar) => bar.start)) - from;
    const away = ends < left ? '◂' : starts > right - side / scale ? '▸' : '';
    if (away) {
      const arrow = el('button', {type: 'button', class: 'away', 'aria-label': 'Go to where it is', click: () => { box.scrollLeft = Math.max(0, starts * scale - 40); }}, away);
      arrow.style.left = (away === '◂' ? box.scrollLeft + side + 4 : box.scrollLeft + box.clientWidth - 26) + 'px';
      line.append(arrow);
    }
    line.style.top = (index + 1) * ROW + 'px';
    return line;
  }

  // Of bars that would fall on the same pixel one is drawn: the work is bounded by what can be seen.
  function visible(bars, scale, left, right) {
    const last = {};
    return bars.filter((bar) => {
      if (bar.end - from < left || bar.start - from > right) return false;
      const pixel = Math.round((bar.end - from) * scale);
      if (bar.kind !== 'broken' && last[bar.kind] === pixel) return false;
      last[bar.kind] = pixel;
      return true;
    });
  }

  const later = () => { if (!waiting) { waiting = true; requestAnimationFrame(draw); } };
  box.addEventListener('scroll', later, {passive: true});
  new ResizeObserver(later).observe(box);
  const zoomTo = (factor) => {
    const middle = (box.scrollLeft + box.clientWidth / 2) / inner.clientWidth;
    zoom = Math.min(Math.max(zoom * factor, 1), 2000);
    draw();
    box.scrollLeft = middle * inner.clientWidth - box.clientWidth / 2;
    later();
  };
  const button = (sign, name, act) => el('button', {type: 'button', 'aria-label': name, title: name, click: act}, sign);
  return section('timeline', 'Timeline',
    el('div', {class: 'tools'},
      button('−', 'Zoom out', () => zoomTo(1 / 2)), button('+', 'Zoom in', () => zoomTo(2)), button('whole run', 'Show the whole run', () => zoomTo(0)),
      el('span', {class: 'legend'}, ...[['model', 'model'], ['tool', 'tool'], ['broken', 'failed'], ['person', 'a person'], ['whole', 'the step']].map(([kind, name]) => el('span', {}, el('i', {class: 'bar ' + kind}), name)))),
    box);
}

function drawAxis(axis, side, scale, left, right) {
  const steps = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600, 86400, 604800];
  const every = steps.find((seconds) => seconds * scale > 80) || steps[steps.length - 1];
  const ticks = [];
  for (let at = Math.floor(left / every) * every; at <= right && ticks.length < 200; at += every) {
    const tick = el('span', {}, at < every / 2 ? '0' : every < 0.1 ? at.toFixed(every < 0.01 ? 3 : 2) + 's' : duration(at));
    tick.style.left = side + at * scale + 'px';
    ticks.push(tick);
  }
  axis.replaceChildren(el('b', {}), ...ticks);
}
