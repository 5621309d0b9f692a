// Runs CloudFront Functions: one line of JSON in, one line out, in the same order.
// First line in: {"functions": {"front.js": "<text with its settings>", ...}}; out: {"ready": [...]}.
// Beside "functions" there may be "lambdas", which are Lambda@Edge's: modules with exports.handler.
// Then:          {"function": "front.js", "event": {...}}
// Out:           {"result": ..., "origin": "api" | null} or {"fault": "..."}
// A function's context has cf, crypto and Buffer, and neither timers nor require nor the network.
'use strict';
const crypto = require('crypto');
const readline = require('readline');
const vm = require('vm');

const GONE = ['Atomics', 'FinalizationRegistry', 'Intl', 'Proxy', 'Reflect', 'SharedArrayBuffer',
  'WeakRef', 'WebAssembly', 'escape', 'unescape', 'globalThis'];
const TIMEOUT_MS = 1000;
const loaded = {};
let chosen = null;

const cf = {
  selectRequestOriginById: (id) => { chosen = String(id); },
  updateRequestOrigin: () => { throw new Error('updateRequestOrigin is not modelled here'); },
  kvs: () => { throw new Error('there is no key value store here'); },
};

function load(name, text) {
  const context = vm.createContext({}, {codeGeneration: {strings: false, wasm: false}});
  GONE.forEach((each) => vm.runInContext(`delete this.${each}`, context));
  // What a function logs is CloudWatch's there, and nobody's here.
  context.console = {log: () => undefined, error: () => undefined};
  context.cf = cf;
  context.crypto = {createHash: crypto.createHash, createHmac: crypto.createHmac};
  context.Buffer = Buffer;
  const body = text.replace(/^import .*$/gm, '');
  vm.runInContext(`'use strict';\n${body}\n;this.handler = handler;`, context, {filename: name});
  const call = new vm.Script('JSON.stringify(handler(JSON.parse(input))) || "null"');
  loaded[name] = (event) => {
    context.input = JSON.stringify(event);
    return JSON.parse(call.runInContext(context, {timeout: TIMEOUT_MS}));
  };
}

// Lambda@Edge is plain Node.js; here without modules, without an environment and without a network.
function loadLambda(name, text) {
  const context = vm.createContext({Buffer, URL, URLSearchParams, module: {exports: {}}});
  context.console = {log: () => undefined, error: () => undefined};
  vm.runInContext(`const exports = module.exports;\n${text}`, context, {filename: name});
  loaded[name] = async (event) => {
    context.input = JSON.stringify(event);
    const call = 'Promise.resolve(module.exports.handler(JSON.parse(input), {})).then((r) => JSON.stringify(r) || "null")';
    return JSON.parse(await vm.runInContext(call, context, {timeout: TIMEOUT_MS}));
  };
}

async function answer(line) {
  try {
    const asked = JSON.parse(line);
    if (asked.functions) {
      Object.keys(asked.functions).forEach((name) => load(name, asked.functions[name]));
      const lambdas = asked.lambdas || {};
      Object.keys(lambdas).forEach((name) => loadLambda(name, lambdas[name]));
      return {ready: Object.keys(loaded)};
    }
    chosen = null;
    const result = await loaded[asked.function](asked.event);
    return {result, origin: chosen};
  } catch (error) {
    return {fault: String(error && error.message)};
  }
}

const lines = readline.createInterface({input: process.stdin});
// One after the other: answers are told apart by their order alone.
let queue = Promise.resolve();
lines.on('line', (line) => {
  queue = queue.then(() => answer(line)).then((said) => process.stdout.write(JSON.stringify(said) + '\n'));
});
lines.on('close', () => process.exit(0));
