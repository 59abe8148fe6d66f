// Every text of the report reaches the page through `el` or `text`: as text, never as markup.
const SVG = 'http://www.w3.org/2000/svg';
const SYMBOLS = {waiting: '·', running: '●', asking: '?', done: '✓', failed: '✗', skipped: '○', rejected: '✗',
  stopped: '■', interrupted: '■', crashed: '✗'};

function el(name, given, ...inside) {
  const made = document.createElement(name);
  return filled(made, given, inside);
}

function svg(name, given, ...inside) {
  const made = document.createElementNS(SVG, name);
  return filled(made, given, inside);
}

function filled(made, given, inside) {
  for (const [key, value] of Object.entries(given || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === 'function') made.addEventListener(key, value);
    else made.setAttribute(key, value === true ? '' : String(value));
  }
  for (const part of inside.flat(Infinity)) {
    if (part !== null && part !== undefined && part !== false) made.append(part);
  }
  return made;
}

function money(usd) {
  if (!usd) return '$0.00';
  if (usd < 0.00005) return '<$0.0001';
  return usd < 0.1 ? '$' + usd.toFixed(4) : '$' + usd.toFixed(2);
}

function duration(seconds) {
  const s = Math.max(seconds || 0, 0);
  if (s < 0.095) return Math.round(s * 1000) + 'ms';
  if (s < 9.95) return s.toFixed(1) + 's';
  const whole = Math.round(s);
  if (whole < 60) return whole + 's';
  if (whole < 3600) return Math.floor(whole / 60) + 'm' + String(whole % 60).padStart(2, '0') + 's';
  return Math.floor(whole / 3600) + 'h' + String(Math.floor(whole % 3600 / 60)).padStart(2, '0') + 'm';
}

function tokens(number) {
  if (number < 1000) return String(number);
  return number < 999950 ? (number / 1000).toFixed(1) + 'k' : (number / 1e6).toFixed(1) + 'M';
}

function number(value) { return value.toLocaleString('en-US'); }

function count(value, noun) { return number(value) + ' ' + noun + (value === 1 ? '' : 's'); }

function clock(at) {
  const d = new Date(at * 1000), two = (n) => String(n).padStart(2, '0');
  return `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())} ` +
    `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;
}

function asText(value) { return typeof value === 'string' ? value : JSON.stringify(value, null, 2); }

function chip(state, look = state) {
  return el('span', {class: 'chip state-' + look}, el('span', {'aria-hidden': 'true'}, (SYMBOLS[look] || '') + ' '), state);
}

// A long text shows its beginning, and the rest on request.
function long(value, name) {
  const text = asText(value), lines = text.split('\n');
  const pre = el('pre', {tabindex: '0', 'aria-label': name || 'text'});
  if (text.length < 1500 && lines.length < 25) { pre.append(text); return pre; }
  const head = lines.slice(0, 14).join('\n').slice(0, 1000);
  pre.append(head);
  const more = el('button', {type: 'button', class: 'more', click: () => { pre.textContent = text; more.remove(); }},
    `show all ${number(text.length)} characters`);
  return el('div', {class: 'long'}, pre, more);
}

// Data by its names, so that texts of several lines in it read as such.
function fields(value, name) {
  if (value === null || typeof value !== 'object' || Array.isArray(value) || !Object.keys(value).length) return long(value, name);
  return el('dl', {class: 'fields'}, Object.entries(value).map(([key, inner]) => [el('dt', {}, key), el('dd', {}, long(inner === null ? 'null' : inner, key))]));
}

// What a tool gave back: text, or content blocks, of which those of text are shown as text.
function result(value) {
  if (value === null) return el('p', {class: 'dim'}, 'none');
  if (!Array.isArray(value) || !value.every((block) => block && typeof block === 'object' && block.type)) return long(value, 'result');
  return value.map((block) => typeof block.bytes === 'number' && block.media_type ? media(block) : long(block.type === 'text' && typeof block.text === 'string' ? block.text : block, 'result'));
}

// A picture or document stands there as what it was; the report does not hold it.
function media(block) { return el('p', {class: 'note'}, `${block.type}, ${block.media_type}, ${bytes(block.bytes)}: not kept in this report`); }

function bytes(n) { return n < 1000 ? count(n, 'byte') : n < 999950 ? (n / 1000).toFixed(1) + ' kB' : (n / 1e6).toFixed(1) + ' MB'; }

function folded(title, make, given) {
  const body = el('div', {class: 'body'});
  const box = el('details', given, el('summary', {}, title), body);
  const fill = () => { if (!body.hasChildNodes()) filled(body, null, [make()]); };
  box.addEventListener('toggle', () => { if (box.open) fill(); });
  box.fill = () => { box.open = true; fill(); };
  return box;
}

// Rows in portions: `make` gives the element of a row, `all` are those that are wanted now.
function portions(holder, all, make, portion, noun) {
  holder.replaceChildren();
  let shown = 0;
  const more = el('button', {type: 'button', class: 'more'});
  const next = (upTo) => {
    const rows = all.slice(shown, upTo).map(make);
    holder.append(...rows);
    shown = Math.min(upTo, all.length);
    more.textContent = `show ${number(Math.min(portion, all.length - shown))} more of ${count(all.length - shown, noun)}`;
    more.hidden = shown >= all.length;
  };
  more.addEventListener('click', () => {
    const at = shown;
    next(shown + portion);
    const first = holder.children[at];
    if (first) (first.querySelector('summary, button') || (first.matches('button') ? first : more)).focus();
  });
  next(portion);
  return {more, upTo: (index) => { if (index >= shown) next(Math.ceil((index + 1) / portion) * portion); }};
}

function section(id, title, ...inside) {
  return el('section', {id, 'aria-labelledby': id + '-title'}, el('h2', {id: id + '-title'}, title), inside);
}
