// Runs CloudFront Functions: one line of JSON in, one line out, in the same order.
// First line in: {"functions": {"front.js": "<text with its settings>", ...}}; out: {"ready": [...]}.
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

function answer(line) {
  try {
    const asked = JSON.parse(line);
    if (asked.functions) {
      Object.keys(asked.functions).forEach((name) => load(name, asked.functions[name]));
      return {ready: Object.keys(loaded)};
    }
    chosen = null;
    return {result: loaded[asked.function](asked.event), origin: chosen};
  } catch (error) {
    return {fault: String(error && error.message)};
  }
}

const lines = readline.createInterface({input: process.stdin});
lines.on('line', (line) => process.stdout.write(JSON.stringify(answer(line)) + '\n'));
lines.on('close', () => process.exit(0));
