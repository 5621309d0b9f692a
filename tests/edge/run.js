// Runs one of infra/edge's functions for each line of standard input, and answers with a line.
// In:  {"source", "settings", "event", "now_s"}
// Out: {"result", "origins"} or {"fault"}
// The context has what CloudFront Functions have, and neither eval, nor timers, nor require.
'use strict';
const crypto = require('crypto');
const readline = require('readline');
const vm = require('vm');

const GONE = ['Atomics', 'FinalizationRegistry', 'Intl', 'Proxy', 'Reflect', 'SharedArrayBuffer',
  'WeakRef', 'WebAssembly', 'escape', 'unescape', 'globalThis', 'console'];

function run(call) {
  const origins = [];
  const context = vm.createContext({}, {codeGeneration: {strings: false, wasm: false}});
  GONE.forEach((name) => vm.runInContext(`delete this.${name}`, context));
  context.cf = {selectRequestOriginById: (id) => { origins.push(id); }};
  context.crypto = {createHash: crypto.createHash, createHmac: crypto.createHmac};
  context.Buffer = Buffer;
  context.input = JSON.stringify(call.event);
  const body = call.source.replace(/^import .*$/gm, '');
  const program = `'use strict'; Date.now = function () { return ${call.now_s * 1000}; };` +
    `\n(function () {${body}\nreturn JSON.stringify(handler(JSON.parse(input)));})()`;
  return {result: JSON.parse(vm.runInContext(program, context, {timeout: 2000})), origins};
}

readline.createInterface({input: process.stdin}).on('line', (line) => {
  let answer;
  try {
    answer = run(JSON.parse(line));
  } catch (error) {
    answer = {fault: String(error && error.stack)};
  }
  process.stdout.write(JSON.stringify(answer) + '\n');
});
