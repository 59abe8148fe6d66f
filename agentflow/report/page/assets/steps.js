function stepsSection(report, goToSession) {
  if (!report.steps.length) return null;
  const body = el('tbody');
  const more = el('div');
  const word = el('input', {type: 'search', placeholder: 'filter by name or reason', 'aria-label': 'Filter the steps'});
  const states = [...new Set(report.steps.map((row) => row.state))];
  const state = el('select', {'aria-label': 'State'}, el('option', {value: ''}, 'every state'), states.map((name) => el('option', {value: name}, name)));
  let shown = [], paged = null;
  const fill = () => {
    const text = word.value.toLowerCase();
    shown = report.steps.filter((row) => (!state.value || row.state === state.value) &&
      (!text || (row.path + ' ' + (row.agent || '') + ' ' + why(row)).toLowerCase().includes(text)));
    paged = portions(body, shown, (row) => stepRow(row, goToSession), 60, 'step');
    more.replaceChildren(shown.length ? paged.more : el('p', {class: 'dim'}, 'no step fits'));
  };
  word.addEventListener('input', fill);
  state.addEventListener('change', fill);
  fill();
  const table = el('table', {class: 'steps'},
    el('thead', {}, el('tr', {}, ['Step', 'State', 'Time', 'Turns', 'Tokens', 'Cost'].map((head, index) => el('th', {scope: 'col', class: index > 1 ? 'n' + (index === 3 || index === 4 ? ' wide' : '') : null}, head)))),
    body);
  const made = section('steps', 'Steps', el('div', {class: 'tools'}, word, state), el('div', {class: 'scroll', tabindex: '0', role: 'region', 'aria-label': 'Steps'}, table), more);
  made.goTo = (path) => {
    if (!shown.some((row) => row.path === path)) { word.value = ''; state.value = ''; fill(); }
    const index = shown.findIndex((row) => row.path === path);
    if (index < 0) return;
    paged.upTo(index);
    point(body.children[index]);
  };
  return made;
}

function why(row) {
  if (row.failure) return row.failure.kind + ': ' + row.failure.message;
  if (row.state === 'asking' && row.gate) return row.gate.message;
  return row.reason || '';
}

function stepRow(row, goToSession) {
  const time = row.started_at !== null && row.ended_at !== null && row.state !== 'skipped' ? duration(row.ended_at - row.started_at) : '';
  const facts = [];
  if (row.reused) facts.push('reused');
  if (row.agent) facts.push('agent ' + row.agent);
  if (row.attempt > 1) facts.push('attempt ' + row.attempt);
  if (row.items !== null) facts.push(count(row.items, 'item'));
  if (row.rounds !== null) facts.push(`at most ${count(row.rounds, 'round')}` + (row.converged === false ? ', not converged' : ''));
  if (row.choice) facts.push(/^[0-9]+$/.test(row.choice) ? 'case ' + row.choice : row.choice);
  const name = el('th', {scope: 'row'}, el('span', {class: 'path', title: row.path}, row.name), facts.length ? el('span', {class: 'dim'}, ' ' + facts.join(' · ')) : null,
    why(row) ? el('div', {class: 'why'}, why(row)) : null, stepDetails(row, goToSession));
  name.style.paddingLeft = 8 + Math.min(row.depth, 8) * 18 + 'px';
  const cell = (text, wide) => el('td', {class: 'n' + (wide ? ' wide' : '')}, text);
  return el('tr', {tabindex: '-1'}, name, el('td', {}, chip(row.state)), cell(time), cell(row.turns ? number(row.turns) : '', true), cell(row.tokens ? tokens(row.tokens) : '', true), cell(row.cost_usd ? money(row.cost_usd) : ''));
}

function stepDetails(row, goToSession) {
  const parts = [];
  if (row.did) parts.push(['what it called', () => fields(row.did, 'what it called')]);
  if (row.gate) parts.push(['question', () => gateText(row.gate)]);
  if (row.attempts.length) parts.push([count(row.attempts.length, 'failed attempt'), () => row.attempts.map((one) => el('p', {}, `attempt ${one.attempt}: ${one.failure.kind}: ${one.failure.message}`))]);
  if (row.output !== null) parts.push(['output', () => long(row.output, 'output')]);
  return el('div', {class: 'parts'}, parts.map(([title, make]) => folded(title, make)),
    row.sessions.map((session) => el('button', {type: 'button', class: 'link', click: () => goToSession(session)}, 'conversation')));
}

function gateText(gate) {
  const answer = gate.answer;
  return [el('p', {}, gate.message), gate.show ? long(gate.show, 'what was shown') : null,
    el('p', {class: 'dim'}, answer ? `${answer.expired ? 'no answer in time' : answer.answers !== null ? 'answered' : answer.approved ? 'yes' : 'no'}, by ${answer.by}, ${clock(answer.at)}` + (answer.comment ? ': ' + answer.comment : '') : 'not answered yet'),
    answer && answer.answers !== null ? long(answer.answers, 'answers') : null].filter(Boolean);
}

function point(target) {
  target.scrollIntoView({block: 'center'});
  target.focus({preventScroll: true});
  target.classList.add('pointed');
  setTimeout(() => target.classList.remove('pointed'), 1600);
}
