// node node_load.js FILE TIMES: prints how much processor time validation and baseline compilation of a module take.
'use strict';
const wasm = require('fs').readFileSync(process.argv[2]);

// An empty custom section at the end makes every round a module of its own: the engine caches code by the bytes it comes from.
function fresh(round) {
  return Buffer.concat([wasm, Buffer.from([0, 2, 1, 0x61 + round])]);
}

function timed(name, bytes, work) {
  const begin = process.cpuUsage();
  const done = work(bytes);
  const { user, system } = process.cpuUsage(begin);
  console.log(`${name}: ${(user + system) * 1000} ns`);
  return done;
}

const kept = [];
for (let round = 0; round < Number(process.argv[3]); ++round) {
  if (!timed('validate', fresh(round), (bytes) => WebAssembly.validate(bytes))) process.exit(1);
  kept.push(timed('compile', fresh(round), (bytes) => new WebAssembly.Module(bytes)));
}
