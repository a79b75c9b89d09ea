// node node_run.js FILE: runs a WASI command.
'use strict';
const { WASI } = require('wasi');
const wasi = new WASI({ version: 'preview1', returnOnExit: true });
const program = new WebAssembly.Module(require('fs').readFileSync(process.argv[2]));
wasi.start(new WebAssembly.Instance(program, wasi.getImportObject()));
