// What a text on standard input is made of, by the parser that node brings with it.
// node --expose-internals parse.js
'use strict';
const acorn = require('internal/deps/acorn/acorn/dist/acorn');
const tree = acorn.parse(require('fs').readFileSync(0, 'utf8'), {ecmaVersion: 'latest', sourceType: 'module'});
const kinds = new Set(), called = new Set(), names = new Set(), own = new Set(), odd = [];
(function walk(node, parent, key) {
  if (Array.isArray(node)) { node.forEach((each) => walk(each, parent, key)); return; }
  if (!node || typeof node.type !== 'string') return;
  kinds.add(node.type);
  if (node.type === 'CallExpression' && node.callee.type === 'MemberExpression' && !node.callee.computed)
    called.add(node.callee.property.name);
  if (node.type === 'Property' && (node.shorthand || node.method || node.computed || node.kind !== 'init'))
    odd.push('property ' + (node.key.name || node.key.value));
  if (node.type === 'Literal' && node.regex && (/[^gi]/.test(node.regex.flags) || /\(\?<|\\p/.test(node.regex.pattern)))
    odd.push('regex ' + node.raw);
  if (node.type === 'FunctionDeclaration') own.add(node.id.name);
  if (/^Function/.test(node.type)) {
    node.params.forEach((each) => own.add(each.name));
    if (node.async || node.generator) odd.push('async or generator');
  }
  if (node.type === 'VariableDeclarator') own.add(node.id.name);
  if (node.type === 'CatchClause' && node.param) own.add(node.param.name);
  if (node.type === 'Identifier' && !(parent.type === 'MemberExpression' && key === 'property' && !parent.computed)
      && !(parent.type === 'Property' && key === 'key')) names.add(node.name);
  for (const each of Object.keys(node)) walk(node[each], node, each);
})(tree, null, null);
const imports = tree.body.filter((each) => each.type === 'ImportDeclaration').map((each) => each.source.value);
const first = tree.body.findIndex((each) => each.type !== 'ImportDeclaration');
console.log(JSON.stringify({kinds: [...kinds], called: [...called], odd, imports,
  importsFirst: first === imports.length, globals: [...names].filter((each) => !own.has(each))}));
