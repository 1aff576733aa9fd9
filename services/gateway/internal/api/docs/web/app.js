'use strict';
// The explorer: reads /openapi.json and makes a list of methods, each with a form that calls it. Everything that comes
// from the description or from an answer is put into the page as text, never as markup.
(() => {
  const verbs = ['get', 'post', 'patch', 'put', 'delete'];
  const main = document.getElementById('main');
  const index = document.getElementById('index');
  const search = document.getElementById('search');
  let api;

  const el = (tag, attributes = {}, ...children) => {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
      else if (value !== undefined && value !== false) node.setAttribute(name, value === true ? '' : value);
    }
    node.append(...children.filter((c) => c !== null && c !== undefined));
    return node;
  };

  // prose puts `code` into code elements.
  const prose = (text) => (text || '').split(/`([^`]+)`/).map((part, i) => (i % 2 ? el('code', {}, part) : part));

  const resolve = (o) => {
    if (!o || !o.$ref) return o;
    return o.$ref.slice(2).split('/').reduce((at, key) => at && at[key], api);
  };

  // flat is a schema with everything it is put together from.
  const flat = (schema, depth = 0) => {
    const s = resolve(schema) || {};
    if (!s.allOf || depth > 6) return s;
    const out = { ...s, properties: { ...s.properties }, required: [...(s.required || [])] };
    for (const part of s.allOf) {
      const p = flat(part, depth + 1);
      for (const [name, value] of Object.entries(p.properties || {})) {
        const old = out.properties[name];
        out.properties[name] = old ? { ...old, ...value } : value;
      }
      out.required.push(...(p.required || []));
      for (const key of ['type', 'enum', 'items', 'additionalProperties']) out[key] ??= p[key];
      out.description ??= p.description;
    }
    return out;
  };

  const kindOf = (s) => {
    if (s.enum) return s.enum.filter((v) => !String(v).endsWith('_UNSPECIFIED')).join(' | ');
    if (s.type === 'array') return 'list of ' + kindOf(flat(s.items));
    if (s.type === 'object' && s.additionalProperties && s.additionalProperties.type) return 'map of ' + s.additionalProperties.type;
    return [s.type || 'value', s.format].filter(Boolean).join(', ');
  };

  const limitsOf = (s) => {
    const out = [];
    const range = (low, high, word) => {
      if (low !== undefined && high !== undefined) out.push(`${low} to ${high}${word}`);
      else if (low !== undefined) out.push(`at least ${low}${word}`);
      else if (high !== undefined) out.push(`at most ${high}${word}`);
    };
    range(s.minLength, s.maxLength, ' characters');
    range(s.minimum, s.maximum, '');
    range(s.minItems, s.maxItems, ' items');
    range(s.minProperties, s.maxProperties, ' entries');
    if (s.pattern) out.push(s.pattern);
    if (s.readOnly) out.push('set by the platform');
    if (s.writeOnly) out.push('not answered');
    if (s['x-lowlayer-immutable']) out.push('cannot be changed');
    return out;
  };

  const field = (name, schema, required, depth) => {
    const s = flat(schema);
    const inner = s.type === 'array' ? flat(s.items) : s;
    return el('div', { class: 'field' },
      el('code', {}, name), el('span', { class: 'kind' }, kindOf(s)),
      required ? el('span', { class: 'need' }, 'required') : null,
      el('p', {}, ...prose(schema.description || s.description)),
      limitsOf(s).length ? el('div', {}, ...limitsOf(s).map((l) => el('span', { class: 'chip' }, l))) : null,
      inner.properties && depth < 4 ? lazy('fields', () => fields(inner, depth + 1)) : null);
  };

  const lazy = (title, make) => {
    const d = el('details', {}, el('summary', {}, title));
    d.addEventListener('toggle', () => { if (d.open && d.children.length === 1) d.append(make()); });
    return d;
  };

  const fields = (s, depth, writable) => {
    const entries = Object.entries(s.properties || {}).filter(([, p]) => !(writable && p.readOnly));
    return el('div', {}, ...entries.map(([name, p]) => field(name, p, (s.required || []).includes(name), depth)));
  };

  const sample = (schema, depth = 0) => {
    const s = flat(schema);
    if (s.example !== undefined) return s.example;
    if (s.enum) return s.enum.find((v) => !String(v).endsWith('_UNSPECIFIED'));
    if (s.type === 'array') return depth > 3 ? [] : [sample(s.items, depth + 1)];
    if (s.type === 'boolean') return false;
    if (s.type === 'integer' || s.type === 'number') return s.minimum ?? 0;
    if (s.format === 'date-time') return '2026-11-23T10:00:00Z';
    if (s.type === 'string') return s.const || '';
    if (s.const) return s.const;
    if (s.properties && depth < 4) {
      return Object.fromEntries(Object.entries(s.properties).map(([k, p]) => [k, sample(p, depth + 1)]));
    }
    return {};
  };

  const pretty = (v) => JSON.stringify(v, null, 2);
  const quote = (s) => `'${s.replaceAll("'", `'\\''`)}'`;

  // token is kept in the page alone, and stands in no command that is shown.
  const token = () => document.getElementById('token').value.trim();

  // request is what the form says: path, query, headers and body.
  const request = (o, form) => {
    let path = o.path;
    const query = new URLSearchParams();
    const headers = {};
    for (const input of form.querySelectorAll('[data-in]')) {
      const value = input.value.trim();
      if (input.dataset.in === 'path') path = path.replace(`{${input.name}}`, encodeURIComponent(value || `{${input.name}}`));
      else if (value && input.dataset.in === 'query') query.append(input.name, value);
      else if (value && input.dataset.in === 'header') headers[input.name] = value;
    }
    const text = form.querySelector('textarea');
    const body = text && text.value.trim() ? text.value : undefined;
    if (body) headers['Content-Type'] = 'application/json';
    if (token()) headers.Authorization = `Bearer ${token()}`;
    return { url: path + (query.size ? '?' + query : ''), headers, body };
  };

  const curl = (o, form) => {
    const r = request(o, form);
    const parts = ['curl -sS'];
    if (o.verb !== 'get') parts.push(`-X ${o.verb.toUpperCase()}`);
    parts.push(quote(location.origin + r.url));
    for (const [k, v] of Object.entries(r.headers)) parts.push(k === 'Authorization' ? '-H "Authorization: Bearer $LOWLAYER_TOKEN"' : `-H ${quote(`${k}: ${v}`)}`);
    if (r.body) parts.push(`-d ${quote(r.body)}`);
    return parts.join(' \\\n  ');
  };

  // follow shows a stream as it comes, as much of its end as a page can bear.
  const follow = async (got, answer) => {
    const reader = got.body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      answer.textContent = (answer.textContent + value).slice(-100000);
    }
  };

  const call = async (o, form, answer) => {
    const r = request(o, form);
    if (answer.running) answer.running.abort(); // a stream goes on until the next call
    const running = answer.running = new AbortController();
    answer.hidden = false;
    answer.className = 'answer';
    answer.textContent = '…';
    const began = performance.now();
    try {
      const got = await fetch(r.url, { method: o.verb.toUpperCase(), headers: r.headers, body: r.body, signal: running.signal });
      if (got.ok && (got.headers.get('content-type') || '').endsWith('ndjson')) {
        answer.textContent = `${got.status}\n\n`;
        await follow(got, answer);
        return;
      }
      const text = await got.text();
      let shown = text;
      try { shown = pretty(JSON.parse(text)); } catch { /* not JSON: shown as it is */ }
      const lines = ['x-request-id', 'etag', 'retry-after'].filter((h) => got.headers.has(h)).map((h) => `${h}: ${got.headers.get(h)}`);
      answer.classList.add(got.ok ? 'good' : 'bad');
      answer.textContent = `${got.status} in ${Math.round(performance.now() - began)} ms\n${lines.join('\n')}\n\n${shown}`;
    } catch (error) {
      if (running.signal.aborted) return;
      answer.classList.add('bad');
      answer.textContent = `The gateway did not answer: ${error.message}. Is it running, and is this page from it?`;
    }
  };

  const tryIt = (o) => {
    const media = o.requestBody && o.requestBody.content['application/json'];
    const line = el('pre', {});
    const answer = el('pre', { class: 'answer', hidden: true, 'aria-live': 'polite' });
    const form = el('form', { class: 'try', onsubmit: (e) => { e.preventDefault(); call(o, form, answer); }, oninput: () => refresh() },
      el('h3', {}, 'Try it'),
      ...o.parameters.filter((p) => !['X-Request-Id', 'If-None-Match'].includes(p.name)).flatMap((p) => {
        const id = `${o.operationId}-${p.name}`;
        return [el('label', { for: id }, p.name), el('input', {
          id, name: p.name, 'data-in': p.in, autocomplete: 'off', spellcheck: 'false',
          value: p.in === 'header' ? undefined : p.example, required: p.required,
        })];
      }),
      media ? el('label', { for: o.operationId + '-body' }, 'Body') : null,
      media ? el('textarea', { id: o.operationId + '-body', spellcheck: 'false' }, pretty(media.example || {})) : null,
      el('button', { type: 'submit' }, 'Send'),
      el('button', { type: 'button', class: 'plain', onclick: () => navigator.clipboard.writeText(line.textContent) }, 'Copy curl'),
      line, answer);
    const refresh = () => { line.textContent = curl(o, form); };
    refresh();
    return form;
  };

  const answers = (o) => el('div', {}, ...Object.entries(o.responses).filter(([s]) => s !== 'default').map(([status, r]) => {
    const response = resolve(r);
    const reasons = response['x-lowlayer-reasons'] || [];
    return el('div', { class: 'field' }, el('code', {}, status),
      el('p', {}, ...(reasons.length ? reasons.flatMap((x, i) => [i ? ', ' : '', el('a', { href: '/problems/' + x }, x)]) : prose(response.description))),
      status === '200' ? lazy('fields', () => fields(flat(response.content['application/json'].schema), 1)) : null,
      status === '200' ? lazy('example', () => el('pre', {}, pretty(sample(response.content['application/json'].schema)))) : null);
  }));

  const content = (o) => {
    const media = o.requestBody && o.requestBody.content['application/json'];
    return el('div', { class: 'inside' }, el('div', {},
      el('p', {}, ...prose(o.summary)), o.description ? el('p', { class: 'muted' }, ...prose(o.description)) : null,
      el('div', {}, el('span', { class: 'chip' }, o['x-lowlayer-permission']),
        o['x-lowlayer-step-up'] ? el('span', { class: 'chip' }, 'needs a second factor') : null,
        el('span', { class: 'chip' }, o['x-lowlayer-idempotency'] === 'REQUEST_ID' ? 'safe to repeat with a request id' : 'safe to repeat'),
        el('span', { class: 'chip' }, 'gRPC ' + o['x-lowlayer-rpc'])),
      el('h3', {}, 'Parameters'), el('div', {}, ...o.parameters.map((p) => field(p.name, { ...p.schema, description: p.description }, p.required, 9))),
      media ? el('h3', {}, 'Body') : null, media ? fields(flat(media.schema), 1, true) : null,
      el('h3', {}, 'Answers'), answers(o)), tryIt(o));
  };

  const operation = (o) => {
    const d = el('details', { class: 'op', id: o.operationId }, el('summary', {},
      el('span', { class: 'verb ' + o.verb }, o.verb), el('span', { class: 'path' }, o.path),
      el('span', { class: 'title' }, o.operationId.split('_')[1])));
    d.addEventListener('toggle', () => { if (d.open && d.children.length === 1) d.append(content(o)); });
    return d;
  };

  const show = () => {
    const word = search.value.trim().toLowerCase();
    for (const node of document.querySelectorAll('[data-words]')) node.hidden = !node.dataset.words.includes(word);
  };

  const openFromHash = () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target && target.matches('details')) { target.open = true; target.scrollIntoView(); }
  };

  const start = async () => {
    const got = await fetch('/openapi.json');
    if (!got.ok) throw new Error(`/openapi.json answered ${got.status}`);
    api = await got.json();
    main.replaceChildren(el('h1', {}, api.info.title), el('p', { class: 'muted' }, api.info.summary), el('p', {}, ...prose(api.info.description)));
    for (const tag of api.tags) {
      const list = Object.entries(api.paths).flatMap(([path, item]) => verbs.filter((v) => item[v]).map((verb) => ({
        ...item[verb], path, verb, parameters: (item[verb].parameters || []).map(resolve),
      }))).filter((o) => o.tags.includes(tag.name));
      const section = el('section', { 'data-words': '' }, el('h2', { class: 'tag', id: tag.name }, tag.name), el('p', { class: 'muted' }, ...prose(tag.description)));
      const entries = el('div', { 'data-words': '' }, el('h2', {}, tag.name));
      for (const o of list) {
        const words = `${o.verb} ${o.path} ${o.operationId} ${o.summary || ''}`.toLowerCase();
        const node = operation(o);
        node.dataset.words = words;
        section.append(node);
        entries.append(el('a', { href: '#' + o.operationId, 'data-words': words }, el('span', { class: 'verb ' + o.verb }, o.verb), o.operationId.split('_')[1]));
        section.dataset.words += words;
        entries.dataset.words += words;
      }
      main.append(section);
      index.append(entries);
    }
    search.addEventListener('input', show);
    addEventListener('hashchange', openFromHash);
    openFromHash();
  };

  addEventListener('keydown', (e) => {
    if (e.key === '/' && !e.target.matches('input, textarea')) { e.preventDefault(); search.focus(); }
  });
  start().catch((error) => { main.textContent = `The description of the API cannot be shown: ${error.message}.`; });
})();
