/**
 * What the service adds to GraphiQL: it keeps the access token of the last login and sends it along, and fills ids of the last
 * answers into variables that were left empty. A bar above the editor says what is sent. The token is kept in the tab's session
 * storage, which other tabs and origins cannot read and which the browser empties with the tab.
 */
export const GRAPHIQL_LOGIN = {
  style: `
body { display: flex; flex-direction: column; height: 100dvh; margin: 0; }
#root { display: grid; flex: 1; grid-template: minmax(0, 1fr) / minmax(0, 1fr); height: auto; min-height: 0; }
#root .graphiql-container { height: 100%; }
@media (max-width: 45rem) {
  #root #graphiql-session { flex-direction: column; }
  #root .graphiql-logo { display: none; }
}
#guide { display: flex; flex-wrap: wrap; gap: 0.25rem 1rem; align-items: baseline; padding: 0.5rem 1rem;
  font: 14px/1.4 system-ui, sans-serif; color: #1f2933; background: #e8eef6; }
#guide p { margin: 0; flex: 1 1 20rem; }
#guide code { font-size: 13px; }
#guide a { color: #1d4ed8; }
#guide output { font-weight: 600; }
#guide button { font: inherit; padding: 0.1rem 0.6rem; cursor: pointer; }
@media (prefers-color-scheme: dark) {
  #guide { color: #e4e7eb; background: #1f2937; }
  #guide a { color: #93c5fd; }
}`,
  bar: `<header id="guide">
  <p>Run the examples tab by tab. A login's token and the ids of new conversations and messages are kept for the
    operations after it. The same over REST: <a href="/docs">/docs</a>.</p>
  <output id="guide-state"></output>
  <button id="guide-logout" type="button" hidden>Forget login</button>
</header>`,
  script: `(() => {
  const STORED = 'flynkle';
  const send = window.fetch.bind(window);
  let known = { token: null, ids: {} };
  try {
    known = { ...known, ...JSON.parse(sessionStorage.getItem(STORED) ?? '{}') };
  } catch {}

  function show() {
    const ids = Object.keys(known.ids);
    const state = known.token === null ? 'Not logged in' : 'Logged in';
    const filled = ids.length === 0 ? '' : '; fills in ' + ids.join(', ');
    document.getElementById('guide-state').textContent = state + filled;
    document.getElementById('guide-logout').hidden = known.token === null && ids.length === 0;
  }

  function keep(next) {
    known = next;
    try {
      sessionStorage.setItem(STORED, JSON.stringify(known));
    } catch {}
    show();
  }

  // The token of a login by any means, and the ids of what was made.
  function learn(data) {
    if (data === null || typeof data !== 'object') return;
    let { token, ids } = known;
    for (const [field, value] of Object.entries(data)) {
      if (field === 'logout' && value === true) token = null;
      if (value === null || typeof value !== 'object') continue;
      if (typeof value.accessToken === 'string') token = value.accessToken;
      if (field === 'createConversation' && value.id) ids = { ...ids, conversationId: value.id };
      const message = value.reply ?? value.message;
      if (field === 'createMessage' && message?.id) ids = { ...ids, messageId: message.id };
    }
    if (token !== known.token || ids !== known.ids) keep({ token, ids });
  }

  function forgetRefused(errors) {
    const isRefused = errors?.some(({ extensions }) => extensions?.code === 'UNAUTHENTICATED');
    if (isRefused && known.token !== null) keep({ ...known, token: null });
  }

  function fillIn(body) {
    const request = JSON.parse(body);
    const variables = { ...request.variables };
    let isFilled = false;
    for (const [name, id] of Object.entries(known.ids)) {
      const isDeclared = new RegExp('[$]' + name + '\\\\b').test(request.query ?? '');
      if (!isDeclared || (variables[name] !== undefined && variables[name] !== null && variables[name] !== '')) continue;
      variables[name] = id;
      isFilled = true;
    }
    return isFilled ? JSON.stringify({ ...request, variables }) : body;
  }

  window.fetch = async (target, options = {}) => {
    const address = new URL(target instanceof Request ? target.url : target, location.href);
    if (address.origin !== location.origin || address.pathname !== '/graphql' || target instanceof Request)
      return send(target, options);
    const headers = new Headers(options.headers);
    const usesKept = known.token !== null && /^(bearer)?\\s*$/i.test(headers.get('authorization') ?? '');
    if (usesKept) headers.set('authorization', 'Bearer ' + known.token);
    else if (/^bearer\\s*$/i.test(headers.get('authorization') ?? '')) headers.delete('authorization');
    let { body } = options;
    try {
      if (typeof body === 'string') body = fillIn(body);
    } catch {}
    const answer = await send(target, { ...options, headers, body });
    if (/json/.test(answer.headers.get('content-type') ?? '')) {
      answer.clone().json().then((result) => {
        if (usesKept) forgetRefused(result?.errors);
        learn(result?.data);
      }, () => undefined);
    }
    return answer;
  };

  document.getElementById('guide-logout').addEventListener('click', () => keep({ token: null, ids: {} }));
  show();
})();`,
} as const;
