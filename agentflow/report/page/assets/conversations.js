function conversationsSection(report) {
  if (!report.sessions.length) return null;
  const list = el('div', {class: 'talks'}), more = el('div');
  const word = el('input', {type: 'search', placeholder: 'filter by agent, step or text', 'aria-label': 'Filter the conversations'});
  let shown = [], paged = null;
  const goTo = (name) => {
    if (!shown.some((session) => session.session === name)) { word.value = ''; fill(); }
    const index = shown.findIndex((session) => session.session === name);
    if (index < 0) return;
    paged.upTo(index);
    list.children[index].fill();
    point(list.children[index].querySelector('summary'));
  };
  const fill = () => {
    const text = word.value.toLowerCase();
    shown = report.sessions.filter((session) => !text || searched(session).includes(text));
    paged = portions(list, shown, (session) => conversation(session, goTo), 40, 'conversation');
    more.replaceChildren(shown.length ? paged.more : el('p', {class: 'dim'}, 'no conversation fits'));
  };
  let soon = 0;
  word.addEventListener('input', () => { clearTimeout(soon); soon = setTimeout(fill, 150); });
  fill();
  const made = section('conversations', 'Conversations', el('div', {class: 'tools'}, word), list, more);
  made.goTo = goTo;
  return made;
}

const searchable = new WeakMap();
function searched(session) {
  if (!searchable.has(session)) searchable.set(session, JSON.stringify([session.agent, session.step, session.prompt, session.entries]).toLowerCase());
  return searchable.get(session);
}

function conversation(session, goTo) {
  const state = session.failure ? 'failed' : session.ended_at ? 'done' : 'stopped';
  const facts = [count(session.turns, 'turn'), session.tool_calls ? count(session.tool_calls, 'tool call') : null, money(session.cost_usd),
    session.ended_at ? duration(session.ended_at - session.started_at) : 'not ended'].filter(Boolean).join(' · ');
  const title = el('span', {class: 'talk'}, el('span', {class: 'mark state-' + state}, SYMBOLS[state]), el('b', {}, session.agent),
    session.agent === session.step ? null : el('span', {}, (session.parent === null ? 'at ' : 'subagent at ') + session.step), el('span', {class: 'dim'}, facts));
  return folded(title, () => conversationBody(session, goTo), {class: 'conversation depth' + Math.min(session.depth, 3)});
}

function conversationBody(session, goTo) {
  const parts = [];
  if (session.parent !== null) parts.push(el('button', {type: 'button', class: 'link', click: () => goTo(session.parent)}, 'the agent that sent it out'));
  if (session.continues !== null) parts.push(el('button', {type: 'button', class: 'link', click: () => goTo(session.continues)}, 'the conversation it carries on'));
  if (session.instructions) parts.push(folded('instructions', () => long(session.instructions, 'instructions')));
  parts.push(el('div', {class: 'said user'}, el('h3', {}, 'prompt'), long(session.prompt, 'prompt')));
  const holder = el('div');
  const told = session.entries.filter((entry) => entry.kind !== 'event' || entry.told !== null);
  const paged = portions(holder, told, (entry) => entryOf(entry, goTo), 60, 'turn and call');
  parts.push(holder, paged.more);
  if (session.failure) parts.push(el('p', {class: 'why'}, session.failure.kind + ': ' + session.failure.message));
  else if (session.output !== null && typeof session.output !== 'string') parts.push(folded('output', () => long(session.output, 'output')));
  return parts;
}

const ENTRIES = {
  turn: (entry) => {
    const parts = entry.blocks.map(blockOf);
    if (entry.note) parts.unshift(el('p', {class: 'dim'}, 'told first: ' + entry.note));
    if (entry.failure) parts.push(el('p', {class: 'why'}, entry.failure.kind + ': ' + entry.failure.message + (entry.retry_at ? ' (tried again)' : '')));
    const used = entry.usage ? ` · ${tokens(entry.usage.input_tokens + entry.usage.cache_read_tokens + entry.usage.cache_write_5m_tokens + entry.usage.cache_write_1h_tokens)} in, ${tokens(entry.usage.output_tokens)} out` : '';
    const facts = `${entry.model}${entry.ended_at ? ' · ' + duration(entry.ended_at - entry.at) : ' · no reply'}${used}${entry.cost_usd ? ' · ' + money(entry.cost_usd) : ''}`;
    const stop = entry.stop_reason && !['end_turn', 'tool_use'].includes(entry.stop_reason) ? ' · ' + entry.stop_reason : '';
    return el('div', {class: 'said model'}, el('h3', {}, `turn ${entry.turn}` + (entry.attempt > 1 ? `, attempt ${entry.attempt}` : ''), el('span', {class: 'dim'}, facts + stop)), parts);
  },
  tool: (entry, goTo) => {
    const failed = entry.is_error || entry.unknown;
    // What the session answers by itself, such as its list of tasks, has a result and no beginning.
    const time = entry.at && entry.ended_at ? duration(entry.ended_at - entry.at) : entry.at ? 'no result' : failed || entry.result === null ? 'not run' : '';
    const title = el('span', {class: 'talk'}, el('span', {class: 'mark state-' + (failed ? 'failed' : 'done')}, failed ? '✗' : '→'), el('b', {}, entry.tool), el('code', {class: 'peek'}, peek(entry.input)), el('span', {class: 'dim'}, time + (entry.unknown ? ' · outcome unknown' : '')));
    return folded(title, () => [el('h4', {}, 'input'), fields(entry.input, 'input'), el('h4', {}, entry.is_error ? 'error' : 'result'), result(entry.result),
      entry.session ? el('button', {type: 'button', class: 'link', click: () => goTo(entry.session)}, 'its conversation') : ''], {class: 'call'});
  },
  left_out: (entry) => el('p', {class: 'note'}, `${count(entry.count, 'entry').replace('entrys', 'entries')} left out here`),
  event: (entry) => folded(el('span', {class: 'dim'}, entry.told), () => fields(eventFields(entry), entry.type), {class: 'call'}),
};

function eventFields(entry) {
  const known = ['kind', 'stream', 'at', 'told'];
  return Object.fromEntries(Object.entries(entry).filter(([key, value]) => !known.includes(key) && value !== null));
}

function entryOf(entry, goTo) { return (ENTRIES[entry.kind] || ENTRIES.event)(entry, goTo); }

// What the service did itself while it replied: a search, and what it found.
const SERVICE = {
  server_tool_use: (block) => folded(el('span', {class: 'talk'}, el('span', {class: 'mark state-done'}, '→'), el('b', {}, block.data.name === 'web_search' ? 'WebSearch' : block.data.name), el('code', {class: 'peek'}, peek(block.data.input))), () => fields(block.data.input, 'input'), {class: 'call'}),
  web_search_tool_result: (block) => {
    const found = block.data.content;
    if (!Array.isArray(found)) return el('p', {class: 'why'}, 'the search failed: ' + (found && found.error_code || 'no reason is known'));
    return folded(`${count(found.length, 'result')} of the search`, () => el('ul', {class: 'plain'}, found.map((one) => el('li', {}, String(one.title || ''), ' ', el('code', {class: 'dim'}, String(one.url || ''))))), {class: 'call'});
  },
};

function blockOf(block) {
  if (block.type === 'text') return long(block.text, 'reply');
  if (block.type === 'thinking') return folded('thinking', () => long(block.text, 'thinking'), {class: 'thinking'});
  if (block.type === 'redacted_thinking') return el('p', {class: 'dim'}, 'thinking that the API keeps to itself');
  if (Object.hasOwn(SERVICE, block.type) && block.data && typeof block.data === 'object') return SERVICE[block.type](block);
  return folded(block.type, () => long(block.data === undefined ? '' : block.data, block.type), {class: 'call'});
}

function peek(input) {
  if (input !== null && typeof input === 'object' && Array.isArray(input.questions)) return input.questions.map((one) => one && one.question).join(' ').slice(0, 120);
  if (input !== null && typeof input === 'object' && Array.isArray(input.todos)) return `${input.todos.filter((one) => one && one.status === 'completed').length} of ${input.todos.length} done`;
  if (input === null || typeof input !== 'object') return input === null ? '' : String(input).slice(0, 80);
  return Object.entries(input).map(([key, value]) => key + ': ' + (typeof value === 'string' ? value : JSON.stringify(value))).join(', ').replace(/\s+/g, ' ').slice(0, 120);
}
