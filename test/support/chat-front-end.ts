import { servePage, type ServedPage } from './front-end.js';

/**
 * A front end as it is built in an afternoon: one conversation, its current branch with a button for each thing that can be done
 * to a message, and a text that grows while the model writes. `door` is how answers are streamed, `token` whose conversation it is.
 * The page keeps nothing: after a reload it shows what the service has, and goes on in the middle of an answer.
 */
const PAGE = `<!doctype html><title>Chat</title><meta charset="utf-8">
<style>body { font: 15px system-ui; max-width: 40em; margin: 2em auto } li { margin: .6em 0; list-style: none } li[data-type=ai] { padding-left: 2em } button { font-size: 12px; margin-left: .4em } output { white-space: pre-wrap }</style>
<body><ol></ol><form><input name="text" size="50"><select name="model"><option value="">default</option></select><label><input type="checkbox" name="tool"> weather</label><button>Ask</button></form><p role="alert"></p>
<script type="module">
const { api, token, conversation: conversationId, door } = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
const headers = { authorization: 'Bearer ' + token, 'content-type': 'application/json' };
const list = document.querySelector('ol');
const say = (text) => { document.querySelector('[role=alert]').textContent = text; };
let leaf = null;

async function ask(query, variables) {
  const response = await fetch(api + '/graphql', { method: 'POST', headers, body: JSON.stringify({ query, variables }) });
  const { data, errors } = await response.json();
  if (errors) throw Object.assign(new Error(errors[0].message), errors[0].extensions);
  return data;
}

const EVENTS = '__typename ... on ReplyDelta { sequence text } ... on ReplyToolCall { sequence callId: id } ... on ReplyCompleted { sequence response } ... on ReplyFailed { sequence code partial }';
const REPLY = 'subscription ($messageId: ID!, $after: Int!) { reply(messageId: $messageId, after: $after) { ' + EVENTS + ' } }';

async function* overEvents(query, variables) {
  const response = await fetch(api + '/graphql', { method: 'POST', headers: { ...headers, accept: 'text/event-stream' }, body: JSON.stringify({ query, variables }) });
  let rest = '';
  for await (const piece of response.body.pipeThrough(new TextDecoderStream())) {
    const blocks = (rest + piece).split('\\n\\n');
    rest = blocks.pop();
    for (const block of blocks) {
      const data = /^data: ?(.*)$/m.exec(block)?.[1];
      if (/^event: ?next/m.test(block) && data) yield JSON.parse(data).data.reply;
    }
  }
}

async function* overSocket(query, variables) {
  const socket = new WebSocket(api.replace('http', 'ws') + '/graphql', 'graphql-transport-ws');
  const waiting = [];
  let wake = () => {};
  socket.onopen = () => socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization: 'Bearer ' + token } }));
  socket.onmessage = ({ data }) => {
    const message = JSON.parse(data);
    if (message.type === 'connection_ack') socket.send(JSON.stringify({ id: '1', type: 'subscribe', payload: { query, variables } }));
    if (message.type === 'ping') socket.send(JSON.stringify({ type: 'pong' }));
    waiting.push(message);
    wake();
  };
  socket.onclose = () => { waiting.push({ type: 'complete' }); wake(); };
  try {
    for (;;) {
      if (waiting.length === 0) await new Promise((resolve) => { wake = resolve; });
      const { type, payload } = waiting.shift() ?? {};
      if (type === 'next') yield payload.data.reply;
      if (type === 'complete' || type === 'error') return;
    }
  } finally {
    socket.close();
  }
}

const SUBMIT = 'mutation ($id: ID!, $results: [ToolResultInput!]!) { submitToolResults(messageId: $id, results: $results) { __typename } }';
const answerCall = (id, callId) => ask(SUBMIT, { id, results: [{ callId, output: 'sunny' }] });

/** Shows a reply as it grows, from after what its message has already: text, and calls that wait for a result. */
async function follow(item, { id, sequence, text, toolCalls }) {
  const output = item.querySelector('output');
  let shown = text ?? '';
  for (const call of toolCalls) if (call.output === null && call.error === null) await answerCall(id, call.id);
  for await (const event of (door === 'websocket' ? overSocket : overEvents)(REPLY, { messageId: id, after: sequence ?? 0 })) {
    if (event.__typename === 'ReplyDelta') { shown += event.text; output.textContent = shown; }
    if (event.__typename === 'ReplyToolCall') await answerCall(id, event.callId);
    if (event.__typename === 'ReplyCompleted' || event.__typename === 'ReplyFailed') break;
  }
  await show();
}

const MESSAGES = 'query ($id: ID!) { conversation(id: $id) { currentLeaf { id } messages(first: 100) { nodes { id text messageType status sequence toolCalls { id output error } siblings { index nodes { id } } generation { model } } } } }';

function itemOf(message) {
  const { id, text, messageType, status, siblings, generation } = message;
  const item = document.createElement('li');
  Object.assign(item.dataset, { id, type: messageType, status, model: generation?.model ?? '' });
  item.append(Object.assign(document.createElement('output'), { textContent: text ?? '' }));
  const button = (label, act) => item.append(Object.assign(document.createElement('button'), { textContent: label, onclick: () => act().catch((error) => say(error.message + ' (' + error.code + ')')) }));
  if (messageType === 'ai' && status === 'STREAMING') button('Stop', () => ask('mutation ($id: ID!) { stopReply(messageId: $id) { id } }', { id }));
  if (messageType === 'ai' && status !== 'STREAMING') button('Again', () => change('mutation ($id: ID!, $leaf: ID) { regenerateReply(messageId: $id, expectedLeafId: $leaf) { __typename } }', { id, leaf }));
  if (messageType === 'user') button('Edit', () => change('mutation ($id: ID!, $input: EditMessageInput!) { editMessage(id: $id, input: $input) { message { id } } }', { id, input: { content: { text: form.text.value }, invokeLlm: true, expectedLeafId: leaf } }));
  if (siblings.nodes.length > 1) {
    item.append(' ' + (siblings.index + 1) + '/' + siblings.nodes.length);
    button('Other', () => change('mutation ($id: ID!) { selectBranch(messageId: $id) { id } }', { id: siblings.nodes[(siblings.index + 1) % siblings.nodes.length].id }));
  }
  return item;
}

async function show() {
  const { conversation } = await ask(MESSAGES, { id: conversationId });
  leaf = conversation.currentLeaf?.id ?? null;
  list.replaceChildren();
  for (const message of conversation.messages.nodes) {
    const item = itemOf(message);
    list.append(item);
    if (message.status === 'STREAMING') void follow(item, message);
  }
  document.body.dataset.shown = String(Number(document.body.dataset.shown ?? 0) + 1);
}

async function change(query, variables) {
  say('');
  await ask(query, variables);
  await show();
}

const form = document.querySelector('form');
form.onsubmit = (event) => {
  event.preventDefault();
  const tools = form.tool.checked ? [{ name: 'weather', description: 'The weather of a city', parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] } }] : undefined;
  const input = { conversationId, content: { text: form.text.value }, messageType: 'user', invokeLlm: true, expectedLeafId: leaf, ...(tools && { tools }), ...(form.model.value && { model: form.model.value }) };
  change('mutation ($input: CreateMessageInput!) { createMessage(input: $input) { message { id } } }', { input }).catch((error) => say(error.message + ' (' + error.code + ')'));
};
const { models } = await ask('{ models { name } }');
for (const { name } of models) form.model.append(new Option(name, name));
await show();
</script>`;

/** Serves the page on a socket, as a front end's own server does. */
export function startChatFrontEnd(): Promise<ServedPage> {
  return servePage(PAGE);
}
