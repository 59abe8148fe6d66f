function tile(name, value, more) {
  return el('div', {class: 'tile'}, el('dt', {}, name), el('dd', {}, value, more ? el('small', {}, more) : null));
}

function head(report) {
  const run = report.run, totals = report.totals, cap = totals.cost_cap_usd;
  const steps = Object.entries(totals.steps).map(([state, n]) => `${n} ${state}`).join(', ');
  return [
    el('h1', {}, run.workflow, ' ', chip(run.status, run.status === 'waiting' ? 'asking' : run.status)),
    run.description ? el('p', {class: 'about'}, run.description) : null,
    el('p', {class: 'dim'}, `run ${run.run} · ${run.path} · started ${clock(run.started_at)}`),
    el('dl', {class: 'tiles'},
      tile('time', duration(run.seconds), run.idle_seconds > 1 ? `and ${duration(run.idle_seconds)} idle` : ''),
      tile('cost', money(totals.cost_usd), cap ? `of at most ${money(cap)}` : ''),
      tile('tokens', tokens(totals.tokens), count(totals.turns, 'turn')),
      tile('agents', number(totals.sessions), count(totals.tool_calls, 'tool call')),
      tile('steps', number(Object.values(totals.steps).reduce((a, b) => a + b, 0)), steps)),
  ].filter(Boolean);
}

function attention(report) {
  const parts = [];
  if (report.failure) parts.push(el('p', {}, el('b', {}, report.failure.step ? `step ${report.failure.step} failed: ` : 'failed: '), `${report.failure.message} (${report.failure.kind})`));
  for (const gate of report.waiting) parts.push(el('p', {}, el('b', {}, `waiting for a person at ${gate.step}: `), gate.message), gate.show ? folded('what is to be judged', () => long(gate.show, 'what is to be judged')) : '');
  if (report.service) parts.push(el('p', {}, report.service));
  for (const move of report.next) parts.push(el('p', {class: 'move'}, move.what + ': ', el('code', {}, move.command)));
  return parts.length ? el('section', {class: 'attention state-' + (report.failure ? 'failed' : 'asking'), 'aria-label': 'What matters now'}, parts) : null;
}

// What failed alike stands together: three hundred items that met the same trouble are one line.
function failuresSection(report, goToStep, goToSession) {
  if (!report.failures.length) return null;
  const alike = new Map();
  for (const one of report.failures) {
    const key = JSON.stringify([one.what, one.kind, one.message]);
    if (!alike.has(key)) alike.set(key, []);
    alike.get(key).push(one);
  }
  const place = (one) => el('button', {type: 'button', class: 'link', click: () => one.what === 'session' ? goToSession(one.where) : goToStep(one.where)}, one.where);
  const kinds = {attempt: 'an attempt, tried again: ', session: 'an agent: ', step: ''};
  const list = el('ul', {class: 'plain'});
  const paged = portions(list, [...alike.values()], (group) => {
    const first = group[0], places = el('span', {class: 'places'});
    const more = portions(places, group, place, 8, 'place').more;
    return el('li', {}, el('div', {class: 'why'}, `${first.kind}: ${first.message}`), el('div', {}, el('span', {class: 'dim'}, kinds[first.what] + (group.length > 1 ? `${number(group.length)} times, at ` : 'at ')), places, more));
  }, 20, 'failure');
  return section('failures', 'Failures', list, paged.more);
}

function amounts(name, rows, key, columns) {
  if (!rows.length) return null;
  const most = Math.max(...rows.map((row) => row.cost_usd), 1e-12);
  const body = el('tbody');
  const paged = portions(body, rows, (row) => {
    const bar = el('i', {class: 'share'});
    bar.style.width = 100 * row.cost_usd / most + '%';
    return el('tr', {}, el('th', {scope: 'row'}, row[key]), columns.map(([, of]) => el('td', {class: 'n'}, of(row))), el('td', {class: 'n'}, money(row.cost_usd)), el('td', {class: 'shares', 'aria-hidden': 'true'}, bar));
  }, 25, 'row');
  return el('div', {class: 'amounts'}, el('h3', {}, name), el('div', {class: 'scroll', tabindex: '0', role: 'region', 'aria-label': name}, el('table', {},
    el('thead', {}, el('tr', {}, el('th', {scope: 'col'}, key), columns.map(([head]) => el('th', {scope: 'col', class: 'n'}, head)), el('th', {scope: 'col', class: 'n'}, 'cost'), el('td', {}))), body)), paged.more);
}

function costsSection(report) {
  const costs = report.costs, usage = report.totals.usage;
  const turns = ['turns', (row) => number(row.turns)], all = ['tokens', (row) => tokens(row.tokens)];
  const of = (kind) => (row) => tokens(row.usage[kind]);
  const cache = (row) => tokens(row.usage.cache_write_5m_tokens + row.usage.cache_write_1h_tokens);
  if (!costs.by_model.length) return null;
  const sum = Object.values(usage).reduce((a, b) => a + b, 0) || 1;
  const kinds = [['input_tokens', 'input'], ['cache_read_tokens', 'read from the cache'], ['cache_write_5m_tokens', 'written to the cache, 5 min'], ['cache_write_1h_tokens', 'written to the cache, 1 h'], ['output_tokens', 'output']];
  return section('costs', 'Costs',
    el('div', {class: 'amounts'}, el('h3', {}, 'Tokens by kind'), el('table', {}, el('tbody', {}, kinds.filter(([kind]) => usage[kind]).map(([kind, name]) => {
      const bar = el('i', {class: 'share'});
      bar.style.width = 100 * usage[kind] / sum + '%';
      return el('tr', {}, el('th', {scope: 'row'}, name), el('td', {class: 'n'}, number(usage[kind])), el('td', {class: 'n'}, Math.round(100 * usage[kind] / sum) + '%'), el('td', {class: 'shares', 'aria-hidden': 'true'}, bar));
    })))),
    amounts('By model', costs.by_model, 'model', [turns, ['input', of('input_tokens')], ['cache read', of('cache_read_tokens')], ['cache write', cache], ['output', of('output_tokens')]]),
    amounts('By step', costs.by_step, 'step', [turns, all]),
    amounts('By agent', costs.by_agent, 'agent', [['sessions', (row) => number(row.sessions)], turns, all]));
}

function valuesSection(report) {
  const values = (given) => Object.entries(given).map(([name, value]) => el('div', {class: 'value'}, el('h4', {}, name), long(value, name)));
  const inputs = values(report.inputs), outputs = report.outputs ? values(report.outputs) : [];
  return section('values', 'Inputs and outputs',
    el('div', {class: 'two'}, el('div', {}, el('h3', {}, 'Inputs'), inputs.length ? inputs : el('p', {class: 'dim'}, 'none')),
      el('div', {}, el('h3', {}, 'Outputs'), outputs.length ? outputs : el('p', {class: 'dim'}, report.outputs ? 'none' : 'none yet, or none: the run did not end well'))));
}

function lineageSection(report) {
  const lineage = report.lineage;
  const began = Object.entries(lineage.began).filter(([, value]) => value !== null && value !== '');
  return section('lineage', 'Lineage',
    el('ul', {class: 'plain'}, lineage.history.map((one) => el('li', {}, el('time', {}, clock(one.at)), ' ' + one.what))),
    el('dl', {class: 'facts'}, el('dt', {}, 'project'), el('dd', {}, report.run.project), el('dt', {}, 'files'), el('dd', {}, lineage.files.join(', ')),
      el('dt', {}, 'plan'), el('dd', {}, el('code', {}, lineage.plan_digest || '')), el('dt', {}, 'report'), el('dd', {}, `made ${clock(report.made_at)} by agentflow ${report.made_by}`)),
    began.length ? el('div', {}, el('h3', {}, 'How it began'), fields(Object.fromEntries(began), 'how it began')) : null,
    lineage.source ? folded('the file as it was run', () => long(lineage.source, 'the file as it was run')) : null);
}

function show() {
  const report = JSON.parse(document.getElementById('data').textContent);
  let steps = null, talks = null;
  const goToSession = (name) => talks && talks.goTo(name);
  const goToStep = (path) => steps && steps.goTo(path);
  const goToDrawn = (id) => {
    const rows = report.steps.filter((row) => row.drawn === id);
    const row = rows.find((one) => ['failed', 'asking', 'running'].includes(one.state)) || rows.find((one) => one.kind === 'step') || rows[0];
    if (row) goToStep(row.path);
  };
  document.getElementById('head').append(...head(report));
  steps = stepsSection(report, goToSession);
  talks = conversationsSection(report);
  const made = [graphSection(report.graph, goToDrawn), timelineSection(report, goToStep, goToSession), failuresSection(report, goToStep, goToSession), steps, talks, costsSection(report), valuesSection(report), lineageSection(report)].filter(Boolean);
  const notes = report.notes.length ? el('section', {class: 'note', 'aria-label': 'Notes'}, report.notes.map((note) => el('p', {}, note))) : null;
  document.getElementById('main').append(...[attention(report), notes, ...made].filter(Boolean));
  document.getElementById('nav').append(el('ul', {}, made.map((one) => el('li', {}, el('a', {href: '#' + one.id}, one.querySelector('h2').textContent)))));
  document.documentElement.dataset.ready = 'yes';
}

show();
